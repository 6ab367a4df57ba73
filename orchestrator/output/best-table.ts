import {
  isTied,
  type Leaderboard,
  type ParameterSet,
  type Score,
} from "../tracking/leaderboard.ts";
import {
  plural,
  decimalText,
  parameterNames,
  parametersText,
  parameterText,
} from "./quantity-text.ts";
import { printable, type Style } from "./style.ts";
import { renderTable } from "./table.ts";

export interface BestTrial {
  score: Score;
  /** Absolute, on the site. */
  checkpoint: string | null;
}

/** The ranking with error bars, what it says about ties, the baselines, and the best checkpoint. */
export function renderBest(board: Leaderboard, best: BestTrial, style: Style): string {
  const { ranking } = board;
  const names = parameterNames(ranking);
  const header = ["rank", "arm", ...names, "CIDEr-D", "seeds", "best trial", "note"];
  const rows = ranking.map((set, index) => [
    String(index + 1),
    set.arm,
    ...names.map((name) => parameterText(set.params[name])),
    meanText(set),
    String(set.scores.length),
    set.scores[0]?.trial ?? "",
    set.missing > 0 ? `${plural(set.missing, "seed")} without a result` : "",
  ]);
  const notes = [...tieLines(ranking), ...unrankedLines(board)].map(
    (line) => `${printable(line)}\n`,
  );
  const { trial, seed, cider } = best.score;
  const lines = [
    style.bold(`best: ${trial} (seed ${seed}), CIDEr-D ${decimalText(cider, 3)}`),
    ...board.baselines.map((baseline) => baselineLine(baseline, cider)),
    ...(best.checkpoint === null ? [] : [`checkpoint: ${printable(best.checkpoint)}`]),
  ];
  return `${renderTable(header, rows, style)}${notes.join("")}\n${lines.join("\n")}\n`;
}

function meanText({ mean, sd }: ParameterSet): string {
  return sd === null ? decimalText(mean, 3) : `${decimalText(mean, 3)} ± ${decimalText(sd, 3)}`;
}

function tieLines([first, ...others]: readonly ParameterSet[]): string[] {
  if (!first || others.length === 0) return [];
  const verdicts = others.map((set) => isTied(first, set));
  const tied = verdicts.flatMap((verdict, index) => (verdict === true ? [index + 2] : []));
  if (tied.length > 0) {
    const ranks = `${tied.length === 1 ? "rank" : "ranks"} ${tied.join(", ")}`;
    return [`Tied: rank 1 and ${ranks} differ by less than the spread between seeds.`];
  }
  if (verdicts.includes(null)) {
    return ["Some sets have one result only: without a spread, small differences say nothing."];
  }
  return [];
}

function unrankedLines({ unranked }: Leaderboard): string[] {
  if (unranked === 0) return [];
  return [`${plural(unranked, "parameter set")} without any result yet.`];
}

function baselineLine({ arm, params, mean }: ParameterSet, best: number): string {
  const values = parametersText(params);
  const name = printable(values === "" ? arm : `${arm} (${values})`);
  const ratio = mean > 0 ? `: best is ${decimalText(best / mean, 1)} × ${arm}` : "";
  return `${name}: CIDEr-D ${decimalText(mean, 3)}${ratio}`;
}
