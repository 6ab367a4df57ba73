import type { NativeBinding, OpAttribute } from "../native-backend.ts";
import { type Attributes, type AttributeValue, type GraphBuilder, typeAttribute } from "./graph.ts";
import type { RecordedConstant, Recorder } from "./recorder.ts";

/**
 * Adds what was recorded to a graph; returns what gives a reference for a tensor's id. `given` holds
 * the references for the tensors that were given to it; `captured` is asked for any other's.
 */
export function addRecording(
  graph: GraphBuilder,
  { ops, constants }: Pick<Recorder, "ops" | "constants">,
  options: {
    given: ReadonlyMap<number, string>;
    captured: (id: number) => string;
    binding: NativeBinding;
  },
): (id: number) => string {
  const { given, captured, binding } = options;
  const references = new Map(given);
  const referenceTo = (id: number): string => {
    const known = references.get(id);
    if (known !== undefined) return known;
    const constant = constants.get(id);
    const added = constant === undefined ? captured(id) : addConstant(graph, constant);
    references.set(id, added);
    return added;
  };
  for (const { name: op, attributes, inputs, inputTypes, outputs } of ops) {
    const name = graph.add({
      op,
      inputs: inputs.map(referenceTo),
      attributes: { ...missingTypes(op, inputTypes), ...attributesOf(attributes, binding) },
    });
    for (const [index, { id }] of outputs.entries()) references.set(id, `${name}:${index}`);
  }
  return referenceTo;
}

/** Types that the package leaves to be found from the inputs, which graphs need said: by input. */
const UNSAID_TYPES: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  ExpandDims: { T: 0, Tdim: 1 },
};

function missingTypes(op: string, inputTypes: readonly number[]): Attributes {
  const unsaid = Object.entries(UNSAID_TYPES[op] ?? {});
  return Object.fromEntries(
    unsaid.map(([name, input]) => [name, typeAttribute(inputTypes[input]!)]),
  );
}

function addConstant(graph: GraphBuilder, constant: RecordedConstant): string {
  const { dtype, shape, values } = constant;
  const content = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return graph.constant({ dtype, shape, content });
}

function attributesOf(attributes: readonly OpAttribute[], binding: NativeBinding): Attributes {
  return Object.fromEntries(
    attributes.map((attribute) => [attribute.name, attributeValue(attribute, binding)]),
  );
}

function attributeValue(
  { name, type, value }: OpAttribute,
  binding: NativeBinding,
): AttributeValue {
  const kind = numberKind(type, binding);
  if (kind !== null && isNumeric(value)) return { kind, value: numeric(value) };
  if (type === binding.TF_ATTR_STRING && typeof value === "string")
    return { kind: "string", value };
  if (type === binding.TF_ATTR_SHAPE && isNumberArray(value)) return { kind: "shape", value };
  throw new Error(`cannot record the attribute ${name}`);
}

function numberKind(
  type: number,
  binding: NativeBinding,
): "int" | "float" | "bool" | "type" | null {
  if (type === binding.TF_ATTR_INT) return "int";
  if (type === binding.TF_ATTR_FLOAT) return "float";
  if (type === binding.TF_ATTR_BOOL) return "bool";
  return type === binding.TF_ATTR_TYPE ? "type" : null;
}

type Numeric = number | boolean;

function isNumeric(value: unknown): value is Numeric | Numeric[] {
  if (Array.isArray(value)) return value.every((each) => isNumeric(each));
  return typeof value === "number" || typeof value === "boolean";
}

function isNumberArray(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((each) => typeof each === "number");
}

function numeric(value: Numeric | Numeric[]): number | number[] {
  return Array.isArray(value) ? value.map(Number) : Number(value);
}
