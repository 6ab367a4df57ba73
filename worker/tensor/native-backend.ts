import * as tf from "@tensorflow/tfjs-core";
import type { Tensor, TensorInfo } from "@tensorflow/tfjs-core";

/** TensorFlow's numbers of data types, in `types.proto`. */
export const DataType = { float: 1, int32: 3, bool: 10, resource: 20 } as const;

/** An attribute of an operation; `type` is one of the binding's TF_ATTR_ numbers. */
export interface OpAttribute {
  name: string;
  type: number;
  value: unknown;
}

/** A tensor of the engine; `dtype` is TensorFlow's number. */
export interface TensorHandle {
  id: number;
  shape: number[];
  dtype: number;
}

export type NumberValues = Float32Array | Int32Array | Uint8Array;
export type TensorValues = NumberValues | Uint8Array[];

/** The native addon, as far as it is used here. Its functions throw what TensorFlow reports. */
export interface NativeBinding {
  TF_ATTR_STRING: number;
  TF_ATTR_INT: number;
  TF_ATTR_FLOAT: number;
  TF_ATTR_BOOL: number;
  TF_ATTR_TYPE: number;
  TF_ATTR_SHAPE: number;
  executeOp(
    name: string,
    attributes: OpAttribute[],
    ids: number[],
    outputs: number,
  ): TensorHandle[];
  createTensor(shape: number[], dtype: number, values: TensorValues): number;
  deleteTensor(id: number): void;
  tensorDataSync(id: number): TensorValues;
  loadSavedModel(directory: string, tags: string): number;
  deleteSavedModel(session: number): void;
  /** Names are joined by commas; of an output, `<node>:<index>`. */
  runSavedModel(session: number, ids: number[], feeds: string, fetches: string): TensorHandle[];
}

/** The native engine's backend, as far as it is used here. */
export interface NativeBackend {
  binding: NativeBinding;
  readonly isUsingGpuDevice: boolean;
  /** Uploads what JavaScript still holds. */
  getInputTensorIds(tensors: readonly TensorInfo[]): number[];
  /** Takes values from JavaScript for a tensor. */
  move(dataId: object, ...rest: unknown[]): void;
  /** Makes a tensor that owns the handle. */
  createOutputTensor(handle: TensorHandle): Tensor;
  executeSingleOutput(name: string, attributes: OpAttribute[], inputs: TensorInfo[]): TensorInfo;
}

export function isNativeBackend(backend: object): backend is NativeBackend {
  return "executeSingleOutput" in backend && "binding" in backend;
}

/** The current backend if it is the native one. */
export function nativeBackend(): NativeBackend | null {
  const backend: object = tf.backend();
  return isNativeBackend(backend) ? backend : null;
}

/** The same tensor, once the engine has its values: JavaScript keeps no copy. */
export function uploaded(tensor: Tensor): Tensor {
  nativeBackend()?.getInputTensorIds([tensor]);
  return tensor;
}

/** TensorFlow's number of a tensor's data type. */
export function dataTypeOf({ dtype }: TensorInfo): number {
  if (dtype === "float32") return DataType.float;
  if (dtype === "int32") return DataType.int32;
  if (dtype === "bool") return DataType.bool;
  throw new Error(`no graph takes tensors of ${dtype}`);
}
