import { parseArgs } from "node:util";
import { Failure } from "./contract/failure.ts";

// Before anything is loaded: without a handler for SIGUSR1, Node opens its debugger. Each of them
// comes twice from Grid Engine. SIGUSR1 says that a suspension or a soft limit is near, and the
// trainer, which gets it too, writes a checkpoint: leaving would take what the user pauses to
// another machine, and use up a slice.
const leaving = new AbortController();
process.on("SIGUSR1", () => {});
for (const signal of ["SIGUSR2", "SIGTERM", "SIGINT", "SIGHUP"] as const) {
  process.on(signal, () => leaving.abort());
}

/** EX_TEMPFAIL: a pilot that waited in vain for the broker, which other tasks may find. */
const NO_BROKER_STATUS = 75;

const text = { type: "string" } as const;

/** What the programs are told; see `brokerSettings`, `pilotOptions` and `brokerRunOptions`. */
const OPTIONS = {
  root: text,
  "lease-seconds": text,
  placement: text,
  "redis-server": text,
  interface: text,
  "broker-host": text,
  "broker-port": text,
  "password-file": text,
  sweep: text,
  pool: text,
  submission: text,
  name: text,
  threads: text,
  "sign-off": text,
  "walltime-seconds": text,
  "elapsed-seconds": text,
  "margin-seconds": text,
  "broker-wait-seconds": text,
  gpus: text,
  "gpu-rule": text,
  "features-limit-bytes": text,
};

/**
 * What runs beside the trials, without TensorFlow. `prepare` makes a site ready for a launched
 * sweep: an engine is recorded, the broker answers, the sweep's queue is in line with its
 * directories. `pilot` has trials trained until all are settled. `broker` is the Redis of a site
 * whose broker is a grid job.
 */
async function main(): Promise<void> {
  const { positionals, values } = parseArgs({ allowPositionals: true, options: OPTIONS });
  const life = {
    leaving: leaving.signal,
    log: (line: string): void => {
      process.stdout.write(`${new Date().toISOString()} ${line}\n`);
    },
  };
  switch (positionals[0]) {
    case "prepare": {
      const { prepareBroker } = await import("./broker/ensure-broker.ts");
      const { brokerSettings } = await import("./broker/broker-settings.ts");
      const { readEngineState } = await import("./engine/engine-state.ts");
      if (values.sweep === undefined) throw new Error("--sweep is missing");
      if (readEngineState() === null) throw noEngine();
      return prepareBroker(brokerSettings(values), values.sweep);
    }
    case "pilot": {
      const { pilotOptions } = await import("./pilot/pilot-options.ts");
      const { runPilot } = await import("./pilot/pilot.ts");
      return runPilot({ ...pilotOptions(values), ...life });
    }
    case "broker": {
      const { brokerRunOptions } = await import("./broker/broker-run-options.ts");
      const { runBroker } = await import("./broker/run-broker.ts");
      return runBroker({ ...brokerRunOptions(values), ...life });
    }
    default:
      throw new Error(`usage: main prepare|pilot|broker, got ${positionals.join(" ")}`);
  }
}

function noEngine(): Failure {
  return new Failure({
    reason: "engine-missing",
    message: "no engine is installed on this machine",
    remedy: "Run `qsweep engine install`, then launch again.",
  });
}

function statusOf(error: unknown): number {
  return error instanceof Failure && error.reason === "broker-unreachable" ? NO_BROKER_STATUS : 1;
}

try {
  await main();
  process.exit(0);
} catch (error) {
  if (error instanceof Failure) process.stdout.write(`${JSON.stringify({ error })}\n`);
  const told = error instanceof Error ? error.stack : String(error);
  process.stderr.write(`${told}\n`, () => process.exit(statusOf(error)));
}
