import { readFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, totalmem } from "node:os";
import path from "node:path";
import { readEngineState } from "../../worker/engine/engine-state.ts";
import { packageRoot } from "../../worker/files/package-root.ts";

/** Where, when and with what was measured. */
export interface Machine {
  date: string;
  processor: string;
  cores: number;
  memoryGibibytes: number;
  /** Processes that wanted to run, mean of a minute: much before the start, others were at work. */
  load: { before: number; after: number };
  versions: Record<string, string>;
}

/** The load of the last minute. */
export function loadNow(): number {
  return loadavg()[0]!;
}

export function describeMachine(loadBefore: number, versions: Record<string, string>): Machine {
  const { version } = JSON.parse(readFileSync(path.join(packageRoot(), "package.json"), "utf8"));
  const engine = readEngineState();
  return {
    date: new Date().toISOString().slice(0, 10),
    processor: cpus()[0]?.model.trim() ?? "unknown processor",
    cores: availableParallelism(),
    memoryGibibytes: Math.round(totalmem() / 2 ** 30),
    load: { before: loadBefore, after: loadNow() },
    versions: {
      qsweep: version,
      Node: process.versions.node,
      ...(engine?.engine === "native" && { TensorFlow: engine.tensorflow }),
      ...versions,
    },
  };
}
