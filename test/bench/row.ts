import type { Spread } from "./spread.ts";

/** A row of the table: what one question about speed is answered by. */
export interface Row {
  /** As given to `--only`. */
  name: string;
  /** What is compared, as one sentence. */
  compares: string;
  /** Minutes on two cores when nothing else runs, as a guide. */
  minutes: number;
  /** Runs with `--all` or by its name only, for its time and memory. */
  heavy?: true;
  /** Throws where it cannot run here; what it started is over when it settles. */
  run(bench: BenchContext): Promise<RowResult>;
}

/** What rows are given. */
export interface BenchContext {
  /** A folder for this row alone, removed afterwards. */
  folder: string;
  /** The Python that everything is compared with; throws where it cannot be made. */
  python: () => Promise<string>;
  /** Tells a person what is going on. */
  progress: (line: string) => void;
}

export type Unit = "ms" | "s" | "1/s";

/** One side of a comparison. */
export interface Side {
  side: string;
  unit: Unit;
  spread: Spread;
  /** Highest resident memory of its process, in MiB; null where it is not told apart. */
  peakMebibytes: number | null;
}

export interface RowResult {
  /** What the others are compared with is last, where there is such a side. */
  sides: Side[];
  /** Whether the last side is what the others are compared with. */
  hasReference: boolean;
  /** What belongs to reading the numbers: versions, checks that both sides did the same. */
  notes: string[];
}

/** What became of a row. */
export type RowOutcome = { row: string; compares: string } & (
  | ({ status: "measured" } & RowResult)
  | { status: "not-run"; because: string }
);
