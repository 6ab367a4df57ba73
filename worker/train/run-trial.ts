import { mkdirSync } from "node:fs";
import { Failure } from "../contract/failure.ts";
import type { FeatureSettings } from "../contract/feature-files.ts";
import type { SliceSpan } from "../contract/slice-span.ts";
import type { EngineInfo, TrialEvent } from "../contract/trial-event.ts";
import type { AttemptExit, TrialResult } from "../contract/trial-files.ts";
import type { TrialSpec } from "../contract/trial-spec.ts";
import { writeFileDurably } from "../files/durable-write.ts";
import { attemptPaths } from "../files/trial-directory.ts";
import type { AttemptContext, Conclusion } from "./attempt-context.ts";
import {
  type AttemptClock,
  type AttemptControl,
  AttemptStopped,
  systemClock,
} from "./attempt-control.ts";
import { attemptFailure } from "./attempt-failure.ts";
import { assertCurrent } from "./checkpoint-keeper.ts";
import { constantBaseline } from "./constant-baseline.ts";
import { EventLog } from "./event-log.ts";
import { fineTune } from "./fine-tune.ts";
import { SliceWitness } from "./slice-witness.ts";
import { checkDataset } from "./trial-inputs.ts";
import { untunedBaseline } from "./untuned-baseline.ts";

export interface AttemptOptions {
  spec: TrialSpec;
  trialDirectory: string;
  /** Claimed by whoever calls. */
  attempt: number;
  control: AttemptControl;
  /** Told of each event after it is in `events.jsonl`. */
  emit: (event: TrialEvent) => void;
  /** Loads the engine; called once, so that its failure too is the attempt's. */
  engine: () => Promise<EngineInfo>;
  /** Told of an error that is no expected failure, for its stack. */
  crashed?: (error: unknown) => void;
  clock?: AttemptClock;
  /** Where the outputs of frozen encoders are kept; left out, none are. */
  features?: FeatureSettings;
  /** The slice that this attempt has to itself, if it does: then that must be enough for it. */
  span?: SliceSpan;
}

/**
 * Runs one attempt of a trial in `attempts/<n>/` and never throws for what happens to the trial:
 * the exit record returned is also the last file written there. A finished attempt leaves
 * `result.json` and `predictions.json` before it; making that the trial's result is the pilot's
 * part.
 */
export async function runAttempt(options: AttemptOptions): Promise<AttemptExit> {
  const { trialDirectory, attempt, clock = systemClock } = options;
  const paths = attemptPaths(trialDirectory, attempt);
  mkdirSync(paths.directory, { recursive: true });
  const witness = options.span ? new SliceWitness(options.span, clock) : null;
  const emit = (event: TrialEvent): void => {
    witness?.see(event);
    options.emit(event);
  };
  const log = new EventLog({ file: paths.events, clock, emit });
  let step = 0;
  const reached = (done: number): void => {
    step = done;
  };
  let exit: AttemptExit;
  try {
    const { spec, control, features = null } = options;
    const engine = await options.engine();
    const context = {
      spec,
      trialDirectory,
      attempt,
      engine,
      features,
      control,
      clock,
      log,
      reached,
    };
    await checkDataset(spec.paths.dataset, spec.recipe.dataset);
    const { result, predictions } = await runRecipe(context);
    assertCurrent(trialDirectory, attempt);
    writeFileDurably(paths.predictions, predictions);
    writeFileDurably(paths.result, asJson(result));
    exit = { version: 1, outcome: "finished", step };
  } catch (error) {
    exit = exitAfter(error, { step, witness });
    if (!isExpected(error)) options.crashed?.(error);
  }
  log.close();
  writeFileDurably(paths.exit, asJson(exit));
  return exit;
}

function runRecipe(context: AttemptContext): Promise<Conclusion> {
  const { recipe } = context.spec;
  switch (recipe.method) {
    case "full":
    case "lora":
    case "cnn-lstm":
      return fineTune(context, recipe);
    case "untuned":
      return untunedBaseline(context, recipe);
    case "constant":
      return constantBaseline(context, recipe);
    default:
      return recipe satisfies never;
  }
}

function exitAfter(
  error: unknown,
  { step, witness }: { step: number; witness: SliceWitness | null },
): AttemptExit {
  if (!(error instanceof AttemptStopped)) {
    return { version: 1, outcome: "failed", step, failure: attemptFailure(error) };
  }
  const { why } = error;
  if (why === "superseded") return { version: 1, outcome: why, step };
  const failure = why === "walltime" ? witness?.judge() : null;
  if (failure) return { version: 1, outcome: "failed", step, failure };
  return { version: 1, outcome: "handed-back", step, why };
}

function isExpected(error: unknown): boolean {
  return error instanceof AttemptStopped || error instanceof Failure;
}

function asJson(value: AttemptExit | TrialResult): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
