import { availableParallelism, cpus, loadavg, totalmem } from "node:os";

/** Where and with what was measured. */
export interface Machine {
  processor: string;
  cores: number;
  memoryGibibytes: number;
  /** Processes that wanted to run, mean of a minute: above 1 before the start, others were at work. */
  load: { before: number; after: number };
  versions: Record<string, string>;
}

/** The load of the last minute. */
export function loadNow(): number {
  return loadavg()[0]!;
}

export function describeMachine(loadBefore: number, versions: Record<string, string>): Machine {
  return {
    processor: cpus()[0]?.model.trim() ?? "unknown processor",
    cores: availableParallelism(),
    memoryGibibytes: Math.round(totalmem() / 2 ** 30),
    load: { before: loadBefore, after: loadNow() },
    versions: { Node: process.versions.node, ...versions },
  };
}
