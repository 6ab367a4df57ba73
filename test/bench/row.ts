import type { Spread } from "./spread.ts";
import type { Target } from "./target.ts";

/** A row of the table: what one question about speed is answered by. */
export interface Row {
  /** As given to `--only`. */
  name: string;
  /** What is compared, as one phrase. */
  compares: string;
  /** Minutes on two cores when nothing else runs, as a guide. */
  minutes: number;
  /** What its figures have to be; of a row that only informs there is none. */
  targets: readonly Target[];
  /** Throws where it cannot run here; what it started is over when it settles. */
  run(bench: BenchContext): Promise<RowResult>;
}

/** What rows are given. */
export interface BenchContext {
  /** A folder for this row alone, removed afterwards. */
  folder: string;
  /** As little as shows that the row runs. */
  isQuick: boolean;
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
  sides: Side[];
  /** The side that the others are compared with; null where there is none. */
  reference: string | null;
  /** What belongs to reading the numbers: versions, checks that both sides did the same. */
  notes: string[];
}

/** What became of a row. */
export type RowOutcome = { row: string; compares: string } & (
  | ({ status: "measured"; targets: JudgedTarget[] } & RowResult)
  | { status: "not-run"; because: string }
);

/** A target and what was reached. */
export interface JudgedTarget {
  /** As people read it. */
  target: string;
  reached: number;
  isMet: boolean;
}
