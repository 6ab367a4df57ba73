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
