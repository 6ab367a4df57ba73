interface MessageMap<T> {
  set(key: string, value: T): void;
}
interface DimensionMessage {
  setSize(size: number): void;
}
export interface ShapeMessage {
  addDim(dimension: DimensionMessage): void;
}
export interface TensorMessage {
  setDtype(dtype: number): void;
  setTensorShape(shape: ShapeMessage): void;
  setTensorContent(content: Uint8Array): void;
}
export interface ListMessage {
  addI(value: number): void;
  addF(value: number): void;
  addB(value: boolean): void;
  addType(value: number): void;
}
export interface AttributeMessage {
  setS(value: Uint8Array): void;
  setI(value: number): void;
  setF(value: number): void;
  setB(value: boolean): void;
  setType(value: number): void;
  setShape(value: ShapeMessage): void;
  setTensor(value: TensorMessage): void;
  setList(value: ListMessage): void;
}
export interface NodeMessage {
  setName(name: string): void;
  setOp(op: string): void;
  addInput(reference: string): void;
  getAttrMap(): MessageMap<AttributeMessage>;
}
interface GraphMessage {
  addNode(node: NodeMessage): void;
}
interface MetaInfoMessage {
  addTags(tag: string): void;
}
interface MetaGraphMessage {
  setMetaInfoDef(info: MetaInfoMessage): void;
  setGraphDef(graph: GraphMessage): void;
}
interface SavedModelMessage {
  setSavedModelSchemaVersion(version: number): void;
  addMetaGraphs(graph: MetaGraphMessage): void;
  serializeBinary(): Uint8Array;
}

/** The classes of `dist/proto/api_pb.js` in the native package, as far as they are used here. */
export interface GraphMessages {
  AttrValue: { new (): AttributeMessage; ListValue: new () => ListMessage };
  GraphDef: new () => GraphMessage;
  MetaGraphDef: { new (): MetaGraphMessage; MetaInfoDef: new () => MetaInfoMessage };
  NodeDef: new () => NodeMessage;
  SavedModel: new () => SavedModelMessage;
  Tensor: new () => TensorMessage;
  TensorShape: { new (): ShapeMessage; Dim: new () => DimensionMessage };
}
