import { describe } from "vitest";
import { readEngineState } from "../../worker/engine/engine-state.ts";
import { loadEngine } from "../../worker/tensor/backend.ts";

/** The engines of this machine: the installed one and, if that is another, the JavaScript one. */
const engines =
  readEngineState()?.engine === "native" ? (["native", "cpu"] as const) : (["cpu"] as const);

/** Runs one suite of cases on each engine; the cases load it with the function they are given. */
export function describeOnEachEngine(
  title: string,
  cases: (load: () => Promise<unknown>, engine: "native" | "cpu") => void,
): void {
  describe.each(engines)(`${title} on the %s engine`, (engine) => {
    cases(() => loadEngine(engine === "cpu" ? { engine } : {}), engine);
  });
}

/** How steps can be taken on this machine. */
const ways =
  readEngineState()?.engine === "native"
    ? (["compiled", "native engine", "cpu engine"] as const)
    : (["cpu engine"] as const);

/**
 * Runs one suite of cases in each way to take training steps: as one graph, and operation by
 * operation on each engine. The cases set the way with the function they are given.
 */
export function describeEachWay(title: string, cases: (set: () => Promise<unknown>) => void): void {
  describe.each(ways)(`${title}, %s`, (way) => {
    cases(() => {
      process.env["QSWEEP_EAGER"] = way === "compiled" ? "0" : "1";
      return loadEngine(way === "cpu engine" ? { engine: "cpu" } : {});
    });
  });
}
