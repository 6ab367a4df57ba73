import path from "node:path";
import type { Command } from "commander";
import { Failure } from "../../worker/contract/failure.ts";
import { renderBest } from "../output/best-table.ts";
import type { Answer, Output } from "../output/output.ts";
import type { OpenSweep, SweepAccess } from "../ports/sweep-access.ts";
import { leaderboard, type ParameterSet } from "../tracking/leaderboard.ts";
import { withExample, withJson } from "./command-options.ts";
import { usingSweep } from "./using-sweep.ts";

/** Adds `best NAME|FILE`: parameter sets by their mean over seeds, and the best checkpoint. */
export function registerBestCommand(program: Command, output: Output, openSweep: OpenSweep): void {
  const command = program
    .command("best <sweep>")
    .description("rank the parameter sets of a launched sweep and name the best checkpoint")
    .action(async (sweep: string) => {
      output.show(await usingSweep(openSweep, sweep, bestOf));
    });
  withJson(withExample(command, "qsweep best demo"));
}

/** The best seed of the best set, beside the whole ranking. */
async function bestOf(access: SweepAccess): Promise<Answer> {
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
  const { trial, cider } = score;
  const checkpoint = score.checkpoint && path.join(access.trialDirectory(trial), score.checkpoint);
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
