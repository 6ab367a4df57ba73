import { type ChildProcess, fork } from "node:child_process";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { FeatureSettings } from "../contract/feature-files.ts";
import type { SliceSpan } from "../contract/slice-span.ts";
import type { TrialEvent } from "../contract/trial-event.ts";
import { trainerEnvironment } from "../engine/engine-state.ts";
import { attemptPaths } from "../files/trial-directory.ts";

export interface TrainerStart {
  trialDirectory: string;
  attempt: number;
  threads: number;
  /** Value for CUDA_VISIBLE_DEVICES; null leaves it as it is. */
  devices: string | null;
  /** The slice that the attempt has to itself, if it does. */
  span: SliceSpan | null;
  features: FeatureSettings;
  onEvent: (event: TrialEvent) => void;
}

/** How a trainer process ended: a status, or the signal that killed it. */
export interface TrainerEnd {
  status: number | null;
  signal: NodeJS.Signals | null;
}

/** What trains one attempt. */
export interface Trainer {
  /** Settles when it is gone; never rejects. */
  readonly ended: Promise<TrainerEnd>;
  /** Asks it to end between two steps; repeated asking does no harm. */
  stop(why: "stop" | "walltime" | "shutdown" | "superseded"): void;
}

const TRAINER = fileURLToPath(new URL("../trainer.js", import.meta.url));

/** The child process that trains one attempt; its output goes to the attempt's `log.txt`. */
export class TrainerProcess implements Trainer {
  readonly ended: Promise<TrainerEnd>;
  readonly #child: ChildProcess;

  constructor(start: TrainerStart, script: string = TRAINER) {
    const { trialDirectory, attempt, threads, devices, onEvent } = start;
    const paths = attemptPaths(trialDirectory, attempt);
    mkdirSync(paths.directory, { recursive: true });
    const log = openSync(paths.log, "a");
    this.#child = fork(script, trainerWords(start), {
      env: {
        ...process.env,
        ...trainerEnvironment({ threads }),
        ...(devices !== null && { CUDA_VISIBLE_DEVICES: devices }),
      },
      stdio: ["ignore", log, log, "ipc"],
    });
    closeSync(log);
    this.#child.on("message", (message: { type: string; event: TrialEvent }) => {
      if (message.type === "event") onEvent(message.event);
    });
    // "exit" and not "close": after a disconnect Node emits only the former.
    this.ended = new Promise((resolve) => {
      this.#child.on("exit", (status, signal) => resolve({ status, signal }));
      this.#child.on("error", () => {
        if (this.#child.pid === undefined) resolve({ status: 1, signal: null });
      });
    });
  }

  stop(why: "stop" | "walltime" | "shutdown" | "superseded"): void {
    if (this.#child.connected) this.#child.send({ type: "stop", why }, () => {});
  }
}

/** Options precede the words: a trainer given a GPU must not train without one unnoticed. */
function trainerWords(start: TrainerStart): string[] {
  const { trialDirectory, attempt, devices, span, features } = start;
  return [
    ...(devices !== null && devices !== "" ? ["--gpu"] : []),
    ...(span !== null ? ["--slice", JSON.stringify(span)] : []),
    "--features",
    JSON.stringify(features),
    trialDirectory,
    String(attempt),
  ];
}
