import type { NamedTensors } from "../named-tensors.ts";
import type { StepRunner } from "../step-runner.ts";
import type { Program } from "./program.ts";

/**
 * Runs each function as a graph of the program. `parametersIn` finds the model's parameters among
 * the program's variables; weights that are none are taken as they are when a graph is made.
 */
export function compiledRunner(
  program: Program,
  parametersIn: (variables: NamedTensors) => NamedTensors,
): StepRunner {
  return {
    prepare: (compute, results) =>
      program.compile({
        compute: (variables, feeds) => compute(parametersIn(variables), feeds),
        ...(results === undefined ? {} : { results }),
      }),
    rowsFor: (needed) => 2 ** Math.ceil(Math.log2(needed)),
  };
}
