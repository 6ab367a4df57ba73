import path from "node:path";
import { Writable } from "node:stream";
import type { Command } from "commander";
import { Failure } from "../../worker/contract/failure.ts";
import { TrialSpec } from "../../worker/contract/trial-spec.ts";
import type { OpenSweep, SweepAccess } from "../ports/sweep-access.ts";
import type { WorkerProcess } from "../ports/worker-process.ts";
import { bestOf } from "./best.ts";
import { usingSweep } from "./using-sweep.ts";

export interface PredictPorts {
  openSweep: OpenSweep;
  worker: WorkerProcess;
  /** Whether a folder is on this machine, where the worker runs. */
  isHere: (directory: string) => boolean;
}

/**
 * Adds `predict`, which the worker's own command line reads, answers and explains. A launched sweep
 * as the first word becomes the options that its best checkpoint captions with; those of the
 * command line come after and so count.
 */
export function registerPredictCommand(program: Command, ports: PredictPorts): void {
  program
    .command("predict [words...]")
    .description("caption each image of a split: writes the submission file that EvalAI takes")
    .allowUnknownOption()
    .helpOption(false)
    .action(async (words: string[]) => {
      process.exitCode = await ports.worker.run(["predict", ...(await workerWords(words, ports))]);
    });
}

async function workerWords(words: string[], { openSweep, isHere }: PredictPorts) {
  const [sweep, ...options] = words;
  if (sweep === undefined || sweep.startsWith("-")) return words;
  if (options.some((word) => word === "--help" || word === "-h")) return options;
  const other = options.find((word) => /^--(model|adapter)(=|$)/.test(word));
  if (other !== undefined) {
    throw new Failure({
      reason: "usage",
      message: `predict takes a sweep or ${other.replace(/=.*/, "")}, not both`,
      remedy: "Give the sweep, or --model and --adapter.",
    });
  }
  return usingSweep(openSweep, sweep, async (access) => [
    ...(await optionsOfBest(access, isHere)),
    ...options,
  ]);
}

async function optionsOfBest(access: SweepAccess, isHere: PredictPorts["isHere"]) {
  const { score } = await bestOf(access);
  if (score.checkpoint === null) {
    throw new Error(`trial ${score.trial} of ${access.sweep} has no checkpoint`);
  }
  const checkpoint = path.join(access.trialDirectory(score.trial), score.checkpoint);
  if (!isHere(checkpoint)) throw elsewhere(access.sweep, checkpoint);
  const spec = await readSpec(access, score.trial);
  const { num_beams, max_new_tokens } = spec.recipe.decode;
  return [
    ...modelOptions(spec, checkpoint),
    `--dataset=${spec.paths.dataset}`,
    `--num-beams=${num_beams}`,
    `--max-new-tokens=${max_new_tokens}`,
  ];
}

async function readSpec(access: SweepAccess, trial: string): Promise<TrialSpec> {
  const parts: Buffer[] = [];
  const target = new Writable({
    write(part: Buffer, _, done) {
      parts.push(part);
      done();
    },
  });
  await access.download({ trial, path: "spec.json", offset: 0 }, target);
  return TrialSpec.parse(JSON.parse(Buffer.concat(parts).toString()));
}

/** A checkpoint is a whole model, or the adapter of the one that its trial began with. */
function modelOptions({ recipe, paths }: TrialSpec, checkpoint: string): string[] {
  if (recipe.method !== "lora") return [`--model=${checkpoint}`];
  if (paths.model === null) throw new Error("a trial with an adapter has no model path");
  return [`--model=${paths.model}`, `--adapter=${checkpoint}`];
}

function elsewhere(sweep: string, checkpoint: string): Failure {
  return new Failure({
    reason: "data-missing",
    message: `the best checkpoint of sweep "${sweep}" is not on this machine: ${checkpoint}`,
    remedy: `Fetch it (qsweep best ${sweep} --fetch DIR), then give it with --model or --adapter.`,
  });
}
