import { compiledRunner } from "./compile/compiled-runner.ts";
import { Program } from "./compile/program.ts";
import type { NamedTensors } from "./named-tensors.ts";
import { nativeBackend } from "./native-backend.ts";
import { eagerRunner, type StepRunner } from "./step-runner.ts";

/** Whether functions are run as graphs: on the native engine, unless QSWEEP_EAGER is 1. */
export function runsGraphs(): boolean {
  return nativeBackend() !== null && process.env["QSWEEP_EAGER"] !== "1";
}

/**
 * Runs functions of a model whose parameters do not change, as graphs where that is done. `dispose`
 * frees the graphs; the parameters stay the caller's.
 */
export function openRunner(model: {
  readonly parameters: NamedTensors;
}): StepRunner & { dispose: () => void } {
  if (!runsGraphs()) return { ...eagerRunner(() => model.parameters), dispose: () => {} };
  const program = new Program({});
  const runner = compiledRunner(program, () => model.parameters);
  return { ...runner, dispose: () => program.dispose() };
}
