import * as tf from "@tensorflow/tfjs-core";
import type { CaptionBatch } from "../model/trainable.ts";

/** Some rows of a batch. */
export interface BatchPiece {
  /** To be disposed, unless it is the batch itself. */
  batch: CaptionBatch;
  /** Of the batch's labels that count in the loss: the sum over all pieces is 1. */
  share: number;
  /** Of its dropout: each piece draws masks of its own, and the first one those of the batch. */
  dropoutSeed: number | null;
}

const IGNORED = -100;
/** 2³² divided by the golden ratio: neighbours differ in many bits. */
const SPREAD = 0x9e3779b9;

/**
 * Cuts a batch into `count` pieces of as many rows each, or fewer in the last; rows that count for
 * nothing make no piece. The batch's mean loss is the sum of the pieces' losses times their shares.
 */
export async function piecesOf(
  batch: CaptionBatch,
  { count, dropoutSeed }: { count: number; dropoutSeed: number | null },
): Promise<BatchPiece[]> {
  if (count === 1) return [{ batch, share: 1, dropoutSeed }];
  const [rows, length] = batch.labels.shape;
  const size = Math.ceil(rows / count);
  const labels = await batch.labels.data();
  // The first label of a row is predicted from nothing.
  const counted = (from: number, to: number): number =>
    labels.slice(from * length, to * length).filter((id, at) => at % length > 0 && id !== IGNORED)
      .length;
  const all = counted(0, rows);
  const pieces: BatchPiece[] = [];
  for (let first = 0; first < rows; first += size) {
    const share = counted(first, first + size) / all;
    if (share === 0) continue;
    const seed = dropoutSeed === null ? null : (dropoutSeed + pieces.length * SPREAD) >>> 1;
    pieces.push({
      batch: rowsOf(batch, first, Math.min(size, rows - first)),
      share,
      dropoutSeed: pieces.length === 0 ? dropoutSeed : seed,
    });
  }
  return pieces;
}

function rowsOf(batch: CaptionBatch, first: number, rows: number): CaptionBatch {
  const part = <T extends tf.Tensor>(tensor: T): T =>
    tf.slice(
      tensor,
      [first, ...tensor.shape.slice(1).map(() => 0)],
      [rows, ...tensor.shape.slice(1)],
    );
  const tokens = {
    inputIds: part(batch.inputIds),
    attentionMask: part(batch.attentionMask),
    labels: part(batch.labels),
  };
  return "pixelValues" in batch
    ? { ...tokens, pixelValues: part(batch.pixelValues) }
    : { ...tokens, imageStates: part(batch.imageStates) };
}
