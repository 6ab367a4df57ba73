import { describe } from "vitest";
import { readEngineState } from "../../worker/engine/engine-state.ts";
import { loadEngine } from "../../worker/tensor/backend.ts";

const hasNative = readEngineState()?.engine === "native";

/** The engines of this machine: the native one where it is installed, and both fallbacks. */
const engines = hasNative ? (["native", "wasm", "cpu"] as const) : (["wasm", "cpu"] as const);

/** Runs one suite of cases on each engine; the cases load it with the function they are given. */
export function describeOnEachEngine(
  title: string,
  cases: (load: () => Promise<unknown>, engine: "native" | "wasm" | "cpu") => void,
): void {
  describe.each(engines)(`${title} on the %s engine`, (engine) => {
    cases(() => loadEngine(engine === "native" ? {} : { engine }), engine);
  });
}

/** How steps can be taken on this machine. */
const ways = [
  ...(hasNative ? (["compiled", "native engine"] as const) : []),
  "wasm engine" as const,
  "cpu engine" as const,
];

/**
 * Runs one suite of cases in each way to take training steps: as one graph, and operation by
 * operation on each engine. The cases set the way with the function they are given.
 */
export function describeEachWay(title: string, cases: (set: () => Promise<unknown>) => void): void {
  describe.each(ways)(`${title}, %s`, (way) => {
    cases(() => {
      process.env["QSWEEP_EAGER"] = way === "compiled" ? "0" : "1";
      if (way === "wasm engine") return loadEngine({ engine: "wasm" });
      return loadEngine(way === "cpu engine" ? { engine: "cpu" } : {});
    });
  });
}
