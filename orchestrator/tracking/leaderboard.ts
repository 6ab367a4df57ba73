import type { TrialResult } from "../../worker/contract/trial-files.ts";
import type { SpecOutline, TrialParams } from "../../worker/contract/trial-spec.ts";
import { canonicalJson } from "../sweep/canonical-json.ts";

/** A finished trial. */
export interface Score {
  trial: string;
  seed: number;
  cider: number;
  /** Relative to the trial directory; a baseline has none. */
  checkpoint: string | null;
}

/** The finished trials that differ in the seed only. */
export interface ParameterSet {
  arm: string;
  params: TrialParams;
  /** Of CIDEr-D over the finished seeds. */
  mean: number;
  /** Sample standard deviation (n - 1 in the denominator); null for fewer than two seeds. */
  sd: number | null;
  /** Best first. */
  scores: Score[];
  /** Seeds without a result yet. */
  missing: number;
}

export interface Leaderboard {
  /**
   * Best first. Sets with seeds missing come after all complete ones: their mean may still move.
   */
  ranking: ParameterSet[];
  /** What needs no training to reach, apart: `untuned` and `constant`. */
  baselines: ParameterSet[];
  /** Parameter sets of which no seed has finished. */
  unranked: number;
}

interface LeaderboardTrial {
  spec: Pick<SpecOutline, "id" | "arm" | "seed" | "params" | "method">;
  result: Pick<TrialResult, "metrics" | "best"> | null;
}

/** Ranks parameter sets by their mean CIDEr-D over seeds. */
export function leaderboard(trials: readonly LeaderboardTrial[]): Leaderboard {
  const groups = new Map<string, LeaderboardTrial[]>();
  for (const trial of trials) {
    const key = canonicalJson([trial.spec.arm, trial.spec.params]);
    const group = groups.get(key);
    if (group) group.push(trial);
    else groups.set(key, [trial]);
  }
  const board: Leaderboard = { ranking: [], baselines: [], unranked: 0 };
  for (const group of groups.values()) {
    const set = parameterSet(group);
    const isBaseline = group.some(({ spec }) => isBaselineMethod(spec.method));
    if (isBaseline && set) board.baselines.push(set);
    else if (set) board.ranking.push(set);
    else if (!isBaseline) board.unranked += 1;
  }
  board.ranking.sort((a, b) => Number(a.missing > 0) - Number(b.missing > 0) || b.mean - a.mean);
  return board;
}

/**
 * Whether the seeds do not tell two sets apart: their means are closer than the pooled standard
 * deviation, the root of the mean variance (Cohen's d below 1). Null where a set has no deviation.
 */
export function isTied(a: ParameterSet, b: ParameterSet): boolean | null {
  if (a.sd === null || b.sd === null) return null;
  return Math.abs(a.mean - b.mean) < Math.sqrt((a.sd ** 2 + b.sd ** 2) / 2);
}

function isBaselineMethod(method: SpecOutline["method"]): boolean {
  return method === "untuned" || method === "constant";
}

function parameterSet(group: readonly LeaderboardTrial[]): ParameterSet | null {
  const scores = group
    .flatMap(({ spec, result }): Score[] => {
      if (result === null) return [];
      const { cider } = result.metrics;
      return [{ trial: spec.id, seed: spec.seed, cider, checkpoint: result.best.checkpoint }];
    })
    .toSorted((a, b) => b.cider - a.cider);
  const [first] = group;
  if (!first || scores.length === 0) return null;
  const { arm, params } = first.spec;
  const mean = scores.reduce((sum, { cider }) => sum + cider, 0) / scores.length;
  const squares = scores.reduce((sum, { cider }) => sum + (cider - mean) ** 2, 0);
  const sd = scores.length < 2 ? null : Math.sqrt(squares / (scores.length - 1));
  return { arm, params, mean, sd, scores, missing: group.length - scores.length };
}
