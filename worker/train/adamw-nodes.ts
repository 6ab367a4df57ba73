import type { OptimizerSettings } from "../contract/trial-spec.ts";
import { floatConstant, nodeOf, typeAttribute } from "../tensor/compile/graph.ts";
import type { UpdateScope } from "../tensor/compile/step-graph.ts";
import { DataType } from "../tensor/native-backend.ts";

/** Names in a graph of what belongs to a parameter. */
export const graphName = {
  parameter: (name: string) => `parameter/${name}`,
  m: (name: string) => `m/${name}`,
  v: (name: string) => `v/${name}`,
  gradient: (name: string) => `gradient/${name}`,
  /** Of the gradients of a batch's parts so far. */
  sum: (name: string) => `sum/${name}`,
};

const T = { T: typeAttribute(DataType.float) };

/**
 * The nodes of one step of AdamW, as `adamwStep` takes it, for these parameters. Its `stepFactors`
 * are feeds.
 */
export function adamwNodes(
  { graph, variables, reads, computed, feeds }: UpdateScope,
  names: readonly string[],
  { betas, weight_decay }: OptimizerSettings,
): string[] {
  const [beta1, beta2] = betas.map((beta) => graph.constant(floatConstant(beta)));
  // The bias corrections are in the factors already.
  const power = graph.constant(floatConstant(0));
  return names.map((name) => {
    const parameter = graphName.parameter(name);
    const gradient = computed[graphName.gradient(name)]!;
    const after: string[] = [];
    if (weight_decay !== 0) {
      const share = graph.add({
        op: "Mul",
        inputs: [reads[parameter]!, feeds["decay"]!],
        // Earlier it would only take up memory.
        after: [nodeOf(gradient)],
        attributes: T,
      });
      const inputs = [variables[parameter]!, share];
      after.push(graph.add({ op: "AssignSubVariableOp", inputs, attributes: { dtype: T.T } }));
    }
    const state = [parameter, graphName.m(name), graphName.v(name)].map((each) => variables[each]!);
    const factors = [power, power, feeds["stepSize"]!, beta1!, beta2!, feeds["epsilon"]!];
    const inputs = [...state, ...factors, gradient];
    return graph.add({ op: "ResourceApplyAdam", inputs, after, attributes: T });
  });
}

/** The nodes that add the gradients of a part of a batch to their sums. */
export function accumulationNodes(
  { graph, variables, computed }: UpdateScope,
  names: readonly string[],
): string[] {
  return names.map((name) =>
    graph.add({
      op: "AssignAddVariableOp",
      inputs: [variables[graphName.sum(name)]!, computed[graphName.gradient(name)]!],
      attributes: { dtype: T.T },
    }),
  );
}

/** The nodes that empty the sums of gradients once all of these have run. */
export function emptyingNodes(
  { graph, variables, reads }: UpdateScope,
  names: readonly string[],
  after: readonly string[],
): string[] {
  return names.map((name) => {
    const sum = graphName.sum(name);
    const zeros = graph.add({ op: "ZerosLike", inputs: [reads[sum]!], after, attributes: T });
    return graph.add({
      op: "AssignVariableOp",
      inputs: [variables[sum]!, zeros],
      attributes: { dtype: T.T },
    });
  });
}
