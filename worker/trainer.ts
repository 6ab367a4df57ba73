import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import type { TrialEvent } from "./contract/trial-event.ts";
import type { StopReason } from "./train/attempt-control.ts";

/** What a pilot says to its trainer. */
interface PilotMessage {
  type: "stop";
  why: Exclude<StopReason, "pilot-lost">;
}

/** How long a trainer that is done waits for a pilot that does not listen. */
const DELIVERY_MILLISECONDS = 2000;

// The handlers come before anything is loaded: without one for SIGUSR1, Node opens its debugger.
let asked: StopReason | null = null;
const ask = (why: StopReason): void => {
  // A superseded attempt must not write any more, whatever else it was asked before.
  if (asked === null || why === "superseded") asked = why;
};
for (const signal of ["SIGUSR2", "SIGTERM", "SIGINT", "SIGHUP"] as const) {
  process.on(signal, () => ask("shutdown"));
}
// A notice that the grid job will be suspended or has passed a soft limit: what is on disk then is
// not lost, whatever follows; and if nothing does, training has gone on.
let isCheckpointAsked = false;
process.on("SIGUSR1", () => {
  isCheckpointAsked = true;
});

const hasPilot = process.connected;
const pilotProcess = process.ppid;
process.on("disconnect", () => ask("pilot-lost"));
process.on("message", (message: PilotMessage) => {
  if (message.type === "stop") ask(message.why);
});
// A log or channel that nobody reads any more is no reason to stop.
process.stdout.on("error", () => {});
process.on("error", () => {});

/** The stop asked for; a pilot's death also shows in the parent's process id. */
function requested(): StopReason | null {
  if (hasPilot && (!process.connected || process.ppid !== pilotProcess)) ask("pilot-lost");
  return asked;
}

function checkpointAsked(): boolean {
  const isAsked = isCheckpointAsked;
  isCheckpointAsked = false;
  return isAsked;
}

/** Settles when the last event sent, and so all before it, are with the pilot. */
let delivered: Promise<void> = Promise.resolve();

function send(event: TrialEvent): void {
  if (!process.connected) return;
  delivered = new Promise((resolve) => {
    process.send?.({ type: "event", event }, undefined, {}, () => resolve());
  });
}

function print(line: string | null): void {
  if (line !== null) process.stdout.write(`${line}\n`);
}

function printError(error: unknown): void {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
}

/**
 * One attempt of a trial, forked by a pilot or run by hand:
 * `trainer [--gpu] [--slice SPAN] [--features FEATURES] TRIAL-DIRECTORY ATTEMPT`. With `--gpu` it
 * fails where the engine finds none; SPAN is a `SliceSpan`, FEATURES are `FeatureSettings`.
 */
async function main(): Promise<void> {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
      gpu: { type: "boolean", default: false },
      slice: { type: "string" },
      features: { type: "string" },
    },
  });
  const [trialDirectory, attemptText] = positionals;
  const attempt = Number(attemptText);
  if (trialDirectory === undefined || !Number.isSafeInteger(attempt) || attempt < 1) {
    throw new Error("usage: trainer [OPTION…] TRIAL-DIRECTORY ATTEMPT");
  }
  const { runAttempt } = await import("./train/run-trial.ts");
  const { eventLine, exitLine } = await import("./train/event-line.ts");
  const { loadEngine, loadEngineOnGpu } = await import("./tensor/backend.ts");
  const { readTrialSpec } = await import("./files/trial-directory.ts");
  const { SliceSpan } = await import("./contract/slice-span.ts");
  const { FeatureSettings } = await import("./contract/feature-files.ts");
  const spec = readTrialSpec(trialDirectory);
  print(`trial ${spec.id}, attempt ${attempt}, process ${process.pid}`);
  const exit = await runAttempt({
    spec,
    trialDirectory,
    attempt,
    control: { requested, checkpointAsked },
    engine: values.gpu ? loadEngineOnGpu : loadEngine,
    ...(values.slice !== undefined && { span: SliceSpan.parse(JSON.parse(values.slice)) }),
    ...(values.features !== undefined && {
      features: FeatureSettings.parse(JSON.parse(values.features)),
    }),
    crashed: printError,
    emit: (event) => {
      print(eventLine(event));
      send(event);
    },
  });
  print(exitLine(exit));
}

try {
  await main();
  process.exitCode = 0;
} catch (error) {
  printError(error);
  process.exitCode = 1;
}
await Promise.race([delivered, delay(DELIVERY_MILLISECONDS)]);
// Open channels and the engine's threads would keep the process alive.
process.stdout.write("", () => process.exit());
