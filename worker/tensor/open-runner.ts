import { CompiledFunctions } from "./compile/compiled-functions.ts";
import type { NamedTensors } from "./named-tensors.ts";
import { nativeBackend } from "./native-backend.ts";
import { eagerRunner, type StepRunner } from "./step-runner.ts";

/** Whether functions are run as graphs: on the native engine, unless QSWEEP_EAGER is 1. */
export function runsGraphs(): boolean {
  return nativeBackend() !== null && process.env["QSWEEP_EAGER"] !== "1";
}

/** Runs functions of a model's parameters of the moment, as graphs where that is done. */
export function openRunner(model: { readonly parameters: NamedTensors }): StepRunner {
  const backend = nativeBackend();
  const parameters = (): NamedTensors => model.parameters;
  return backend !== null && runsGraphs()
    ? new CompiledFunctions(backend, parameters)
    : eagerRunner(parameters);
}
