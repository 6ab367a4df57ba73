import { graphMessages } from "../backend.ts";
import type {
  AttributeMessage,
  ListMessage,
  NodeMessage,
  ShapeMessage,
  TensorMessage,
} from "./graph-messages.ts";
import type { AttributeValue, ConstantValue, GraphNode } from "./graph.ts";

/** TensorFlow reads no protobuf message of 2 GiB or more. */
const MAX_BYTES = 2 ** 31 - 1;
const SCHEMA_VERSION = 1;
export const TAG = "serve";

const messages = graphMessages();

/** A graph as the bytes of `saved_model.pb`, with no variables and no signatures. */
export function savedModelBytes(nodes: readonly GraphNode[]): Uint8Array {
  const graph = new messages.GraphDef();
  for (const node of nodes) graph.addNode(nodeMessage(node));
  const info = new messages.MetaGraphDef.MetaInfoDef();
  info.addTags(TAG);
  const metaGraph = new messages.MetaGraphDef();
  metaGraph.setMetaInfoDef(info);
  metaGraph.setGraphDef(graph);
  const model = new messages.SavedModel();
  model.setSavedModelSchemaVersion(SCHEMA_VERSION);
  model.addMetaGraphs(metaGraph);
  const bytes = model.serializeBinary();
  if (bytes.length > MAX_BYTES) throw new Error(`a graph of ${bytes.length} bytes is too large`);
  return bytes;
}

function nodeMessage({ name, op, inputs, after, attributes }: GraphNode): NodeMessage {
  const message = new messages.NodeDef();
  message.setName(name);
  message.setOp(op);
  for (const input of inputs) message.addInput(input);
  for (const node of new Set(after)) message.addInput(`^${node}`);
  const map = message.getAttrMap();
  for (const [key, value] of Object.entries(attributes)) map.set(key, attributeMessage(value));
  return message;
}

function attributeMessage(attribute: AttributeValue): AttributeMessage {
  const message = new messages.AttrValue();
  const { kind, value } = attribute;
  switch (kind) {
    case "string":
      message.setS(Buffer.from(value));
      break;
    case "shape":
      message.setShape(shapeMessage(value));
      break;
    case "tensor":
      message.setTensor(tensorMessage(value));
      break;
    default:
      if (typeof value === "number") setNumber(message, kind, value);
      else message.setList(listMessage(kind, value));
  }
  return message;
}

type NumberKind = "int" | "float" | "bool" | "type";

function setNumber(message: AttributeMessage, kind: NumberKind, value: number): void {
  if (kind === "int") message.setI(value);
  else if (kind === "float") message.setF(value);
  else if (kind === "bool") message.setB(value !== 0);
  else message.setType(value);
}

function listMessage(kind: NumberKind, values: readonly number[]): ListMessage {
  const list = new messages.AttrValue.ListValue();
  for (const value of values) {
    if (kind === "int") list.addI(value);
    else if (kind === "float") list.addF(value);
    else if (kind === "bool") list.addB(value !== 0);
    else list.addType(value);
  }
  return list;
}

function shapeMessage(shape: readonly number[]): ShapeMessage {
  const message = new messages.TensorShape();
  for (const size of shape) {
    const dimension = new messages.TensorShape.Dim();
    dimension.setSize(size);
    message.addDim(dimension);
  }
  return message;
}

function tensorMessage({ dtype, shape, content }: ConstantValue): TensorMessage {
  const message = new messages.Tensor();
  message.setDtype(dtype);
  message.setTensorShape(shapeMessage(shape));
  message.setTensorContent(content);
  return message;
}
