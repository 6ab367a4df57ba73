import { parseArgs } from "node:util";
import { Failure } from "./contract/failure.ts";

// Before anything is loaded: without a handler for SIGUSR1, Node opens its debugger.
const leaving = new AbortController();
for (const signal of ["SIGUSR1", "SIGUSR2", "SIGTERM", "SIGINT", "SIGHUP"] as const) {
  process.on(signal, () => leaving.abort());
}

/**
 * What runs beside the trials, without TensorFlow:
 * `broker --root DIR --lease-seconds N` makes sure that a site's broker answers, and brings every
 * launched sweep's queue in line with its directories; `pilot` (see below) trains trials.
 */
async function main(): Promise<void> {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
      root: { type: "string" },
      "lease-seconds": { type: "string" },
      "redis-server": { type: "string" },
      sweep: { type: "string" },
      name: { type: "string" },
      threads: { type: "string" },
      "sign-off": { type: "string" },
    },
  });
  const redisServer = values["redis-server"];
  const broker = {
    root: required(values.root, "--root"),
    leaseSeconds: Number(required(values["lease-seconds"], "--lease-seconds")),
    ...(redisServer !== undefined && { redisServer }),
  };
  switch (positionals[0]) {
    case "broker": {
      const { ensureBroker, syncOneSweep } = await import("./broker/ensure-broker.ts");
      const address = await ensureBroker(broker);
      if (values.sweep !== undefined) await syncOneSweep(address, broker.root, values.sweep);
      return;
    }
    case "pilot": {
      const { runPilot } = await import("./pilot/pilot.ts");
      return runPilot({
        ...broker,
        sweep: required(values.sweep, "--sweep"),
        name: required(values.name, "--name"),
        threads: Number(required(values.threads, "--threads")),
        signOffFile: required(values["sign-off"], "--sign-off"),
        leaving: leaving.signal,
        log: (line) => process.stdout.write(`${new Date().toISOString()} ${line}\n`),
      });
    }
    default:
      throw new Error(`usage: main broker|pilot, got ${positionals.join(" ")}`);
  }
}

function required(value: string | undefined, option: string): string {
  if (value === undefined) throw new Error(`${option} is missing`);
  return value;
}

try {
  await main();
  process.exit(0);
} catch (error) {
  if (error instanceof Failure) process.stdout.write(`${JSON.stringify({ error })}\n`);
  const text = error instanceof Error ? error.stack : String(error);
  process.stderr.write(`${text}\n`, () => process.exit(1));
}
