import type { JudgedTarget, Side } from "./row.ts";

/** What a figure of one side has to be, by itself or as a ratio to another side's. */
export interface Target {
  side: string;
  figure: "median" | "peak";
  /** Null: by itself. */
  against: string | null;
  limit: { atMost: number } | { atLeast: number };
}

/** What was reached of a target; null where a side has no such figure. */
export function judged(target: Target, sides: readonly Side[]): JudgedTarget | null {
  const { side, against, limit } = target;
  const own = figureOf(target, side, sides);
  const other = against === null ? 1 : figureOf(target, against, sides);
  if (own === null || other === null) return null;
  const reached = own / other;
  const isMet = "atMost" in limit ? reached <= limit.atMost : reached >= limit.atLeast;
  return { target: targetText(target, sides), reached, isMet };
}

function figureOf({ figure }: Target, name: string, sides: readonly Side[]): number | null {
  const found = sides.find(({ side }) => side === name);
  if (found === undefined) return null;
  return figure === "peak" ? found.peakMebibytes : found.spread.median;
}

function targetText({ side, figure, against, limit }: Target, sides: readonly Side[]): string {
  const bound = "atMost" in limit ? `≤ ${limit.atMost}` : `≥ ${limit.atLeast}`;
  const unit = sides.find((one) => one.side === side)?.unit ?? "";
  const what = figure === "peak" ? "peak memory of " : "";
  return `${what}${side} ${bound} ${against === null ? unit : `× ${against}`}`;
}
