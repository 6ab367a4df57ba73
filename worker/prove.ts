import { parseArgs } from "node:util";
import { GpuRule } from "./pilot/gpu-rule.ts";

// Before anything is loaded: without a handler for SIGUSR1, Node opens its debugger.
for (const signal of ["SIGUSR1", "SIGUSR2"] as const) process.on(signal, () => {});

const text = { type: "string" } as const;

/**
 * What a short grid job runs on an execution host to prove a site: see `proveSite`. With `--listen`,
 * run on the login host, it prints where it waits for one connection and ends after it.
 */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      directory: text,
      nonce: text,
      gpus: text,
      "gpu-rule": text,
      "redis-server": text,
      interface: text,
      "broker-host": text,
      "broker-port": text,
      listen: { type: "boolean" },
    },
  });
  const nonce = required(values.nonce, "--nonce");
  if (values.listen) return listen(nonce, values.interface ?? null);
  const { proveSite } = await import("./proof/prove-site.ts");
  const [host, port] = [values["broker-host"], values["broker-port"]];
  const { host: where, proofs } = await proveSite({
    directory: required(values.directory, "--directory"),
    nonce,
    gpus: { rule: GpuRule.parse(values["gpu-rule"]), count: Number(values.gpus) },
    threads: Number(process.env["NSLOTS"] ?? 1),
    broker:
      host !== undefined && port !== undefined
        ? { kind: "reach", host, port: Number(port) }
        : {
            kind: "listen",
            redisServer: values["redis-server"] ?? null,
            interface: values.interface ?? null,
          },
  });
  for (const { proof, status, message } of proofs) {
    process.stdout.write(`${where}: ${status}: ${proof}: ${message}\n`);
  }
}

async function listen(nonce: string, asked: string | null): Promise<void> {
  const { listenAddress } = await import("./broker/listen-address.ts");
  const { listenForHandshake } = await import("./proof/handshake.ts");
  const host = await listenAddress(asked);
  const handshake = await listenForHandshake(host, nonce);
  process.stdout.write(`${JSON.stringify({ host, port: handshake.port })}\n`);
  // The far end of the connection closes this when the proof is over, or when it is lost.
  process.stdin.resume().on("end", () => handshake.close());
}

function required(value: string | undefined, option: string): string {
  if (value === undefined) throw new Error(`${option} is missing`);
  return value;
}

await main();
