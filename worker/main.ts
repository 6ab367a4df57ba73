import { parseArgs } from "node:util";
import { Failure } from "./contract/failure.ts";

// Before anything is loaded: without a handler for SIGUSR1, Node opens its debugger.
const leaving = new AbortController();
for (const signal of ["SIGUSR1", "SIGUSR2", "SIGTERM", "SIGINT", "SIGHUP"] as const) {
  process.on(signal, () => leaving.abort());
}

/**
 * What runs beside the trials, without TensorFlow. `prepare` makes a site ready for a launched
 * sweep: an engine is recorded, the broker answers, the sweep's queue is in line with its
 * directories. `pilot` has trials trained until all are settled.
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
  const sweep = required(values.sweep, "--sweep");
  switch (positionals[0]) {
    case "prepare": {
      const { ensureBroker, syncOneSweep } = await import("./broker/ensure-broker.ts");
      const { readEngineState } = await import("./engine/engine-state.ts");
      if (readEngineState() === null) throw noEngine();
      const address = await ensureBroker(broker);
      return syncOneSweep(address, broker.root, sweep);
    }
    case "pilot": {
      const { runPilot } = await import("./pilot/pilot.ts");
      return runPilot({
        ...broker,
        sweep,
        name: required(values.name, "--name"),
        threads: Number(required(values.threads, "--threads")),
        signOffFile: required(values["sign-off"], "--sign-off"),
        leaving: leaving.signal,
        log: (line) => process.stdout.write(`${new Date().toISOString()} ${line}\n`),
      });
    }
    default:
      throw new Error(`usage: main prepare|pilot, got ${positionals.join(" ")}`);
  }
}

function noEngine(): Failure {
  return new Failure({
    reason: "engine-missing",
    message: "no engine is installed on this machine",
    remedy: "Run `qsweep engine install`, then launch again.",
  });
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
