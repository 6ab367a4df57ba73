import { readFileSync, statSync } from "node:fs";
import { z } from "zod";
import { ResultOutline } from "../contract/trial-files.ts";
import { writeFileDurably } from "./durable-write.ts";
import { errorCode } from "./error-code.ts";
import {
  readTrialBriefly,
  readUnfinished,
  type TrialRecord,
  trialPaths,
} from "./trial-directory.ts";

/** `results.json`: what was read of trials that have a result, which is never replaced. */
const File = z.compile(
  z.object({
    version: z.literal(1),
    trials: z.record(
      z.string(),
      z.object({ file: z.string(), result: ResultOutline, attempts: z.array(z.number()) }),
    ),
  }),
);
type Known = z.infer<typeof File>["trials"];

/** Fewer are read again in the time that it takes to write the file. */
const WORTH_WRITING = 100;

/**
 * The records of a sweep's trials. Those of finished ones are kept in one file, so that thousands
 * need not be opened: a look at each says whether it is still the same. The file can be deleted at
 * any time.
 */
export class KnownResults {
  readonly #file: string;
  readonly #known: Known;
  #added = 0;

  constructor(file: string) {
    this.#file = file;
    this.#known = readKnown(file);
  }

  /** As `readTrialBriefly`; attempts that were claimed after the result may be missing. */
  record(trial: string, trialDirectory: string): TrialRecord {
    const stats = statSync(trialPaths(trialDirectory).result, { throwIfNoEntry: false });
    if (stats === undefined) return readUnfinished(trialDirectory);
    const file = `${stats.ino} ${stats.size} ${stats.mtimeMs}`;
    const known = this.#known[trial];
    if (known?.file === file) {
      const attempts = known.attempts.map((attempt) => ({ attempt, claim: null, exit: null }));
      return { result: known.result, attempts };
    }
    const { result, attempts } = readTrialBriefly(trialDirectory);
    if (result !== null) {
      this.#known[trial] = { file, result, attempts: attempts.map(({ attempt }) => attempt) };
      this.#added += 1;
    }
    return { result, attempts };
  }

  /** Writes what is new, if it is much. Who may not write here reads it again the next time. */
  keep(): void {
    if (this.#added < WORTH_WRITING) return;
    try {
      writeFileDurably(this.#file, JSON.stringify({ version: 1, trials: this.#known }));
    } catch (error) {
      if (errorCode(error) === undefined) throw error;
    }
  }
}

/** Nothing where there is no file, or one of another version or cut off. */
function readKnown(file: string): Known {
  try {
    return File.parse(JSON.parse(readFileSync(file, "utf8"))).trials;
  } catch {
    return {};
  }
}
