import { createWriteStream, mkdirSync, renameSync } from "node:fs";
import path from "node:path";
import type { Command } from "commander";
import { Failure } from "../../worker/contract/failure.ts";
import { renderBest } from "../output/best-table.ts";
import type { Answer, Output } from "../output/output.ts";
import type { OpenSweep, SweepAccess } from "../ports/sweep-access.ts";
import {
  type Leaderboard,
  leaderboard,
  type ParameterSet,
  type Score,
} from "../tracking/leaderboard.ts";
import { withExample, withJson } from "./command-options.ts";
import { type CheckpointFetch, fetchCheckpoint } from "./fetch-checkpoint.ts";
import { usingSweep } from "./using-sweep.ts";

/** Adds `best NAME|FILE`: parameter sets by their mean over seeds, and the best checkpoint. */
export function registerBestCommand(program: Command, output: Output, openSweep: OpenSweep): void {
  const command = program
    .command("best <sweep>")
    .description("rank the parameter sets of a launched sweep and name the best checkpoint")
    .option("--fetch <dir>", "bring the best checkpoint and its captions into this folder")
    .action(async (sweep: string, { fetch }: { fetch?: string }) => {
      const answer = await usingSweep(openSweep, sweep, async (access) => {
        const best = await bestOf(access);
        if (fetch !== undefined) await fetchBest(access, { best, directory: fetch, output });
        return answerFor(access, best, fetch);
      });
      output.show(answer);
    });
  withJson(withExample(command, "qsweep best demo --fetch demo-best"));
}

interface Best {
  board: Leaderboard;
  /** Of the best seed of the best set. */
  score: Score;
  /** The attempt that it is the result of. */
  attempt: number;
}

/** The best seed of the best set, beside the whole ranking. Throws Failure `no-result`. */
export async function bestOf(access: SweepAccess): Promise<Best> {
  const { trials } = await access.read();
  const board = leaderboard(trials.map(({ spec, record }) => ({ spec, result: record.result })));
  const score = board.ranking[0]?.scores[0];
  if (!score) {
    throw new Failure({
      reason: "no-result",
      message: `no trained trial of sweep "${access.sweep}" has finished yet`,
      remedy: `Watch it: qsweep status ${access.sweep} --watch.`,
    });
  }
  const attempt = trials.find(({ spec }) => spec.id === score.trial)?.record.result?.attempt ?? 1;
  return { board, score, attempt };
}

interface FetchOrder {
  best: Best;
  directory: string;
  output: Output;
}

/** Checkpoint first: a folder that has the captions has everything. */
async function fetchBest(access: SweepAccess, { best, directory, output }: FetchOrder) {
  const { trial, checkpoint } = best.score;
  if (checkpoint !== null) {
    const tell = progressTeller(output);
    await fetchCheckpoint({ access, trial, checkpoint, directory, onProgress: tell });
  }
  const file = path.join(directory, PREDICTIONS);
  const source = path.posix.join("attempts", String(best.attempt), PREDICTIONS);
  const part = `${file}.part`;
  mkdirSync(directory, { recursive: true });
  await access.download({ trial, path: source, offset: 0 }, createWriteStream(part));
  renameSync(part, file);
}

const PREDICTIONS = "predictions.json";

/** Says every tenth of the way, where that takes a while. */
function progressTeller(output: Output): CheckpointFetch["onProgress"] {
  let told = 0;
  return ({ bytes, total }) => {
    const tenths = Math.floor((10 * bytes) / total);
    if (total < LARGE_BYTES || tenths <= told) return;
    told = tenths;
    output.note(`fetched ${Math.round(bytes / 1e6)} of ${Math.round(total / 1e6)} MB`);
  };
}

const LARGE_BYTES = 32e6;

function answerFor(
  access: SweepAccess,
  { board, score }: Best,
  fetched: string | undefined,
): Answer {
  const { trial, cider } = score;
  const place = path.posix.join(access.trialDirectory(trial), score.checkpoint ?? "");
  const checkpoint = score.checkpoint && (fetched === undefined ? place : path.resolve(fetched));
  return {
    value: {
      sweep: access.sweep,
      best: { trial, checkpoint, metrics: { cider } },
      ranking: board.ranking.map((set) => ({
        arm: set.arm,
        params: set.params,
        mean: set.mean,
        sd: set.sd,
        trials: trialsOf(set),
        missing: set.missing,
      })),
      baselines: board.baselines.map((set) => ({
        arm: set.arm,
        params: set.params,
        mean: set.mean,
        trials: trialsOf(set),
      })),
    },
    text: (style) => renderBest(board, { score, checkpoint }, style),
  };
}

function trialsOf({ scores }: ParameterSet) {
  return scores.map(({ trial, seed, cider }) => ({ id: trial, seed, metrics: { cider } }));
}
