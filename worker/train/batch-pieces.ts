import * as tf from "@tensorflow/tfjs-core";
import type { CaptionBatch } from "../model/trainable.ts";
import { partsAtOnce } from "../tensor/parts-at-once.ts";

/** Some rows of a batch, in one or several pieces of as many rows each. */
export interface BatchPart {
  /** To be disposed, unless it is the batch itself. */
  batch: CaptionBatch;
  pieces: readonly PieceShare[];
}

/** What a piece is of its batch. */
export interface PieceShare {
  /** Of the batch's labels that count in the loss, or of its rows: the sum over all pieces is 1. */
  share: number;
  /** Of its dropout: each piece draws masks of its own, and the first one those of the batch. */
  dropoutSeed: number | null;
}

const IGNORED = -100;
/** 2³² divided by the golden ratio: neighbours differ in many bits. */
const SPREAD = 0x9e3779b9;

/**
 * Cuts a batch into `count` parts of as many rows each, or fewer in the last, and each of them into
 * the pieces that are computed at the same time. Rows that count for nothing make no part,
 * unless all do. The batch's mean loss is the sum of the pieces' losses times their shares.
 */
export async function partsOf(
  batch: CaptionBatch,
  { count, dropoutSeed }: { count: number; dropoutSeed: number | null },
): Promise<BatchPart[]> {
  const [rows, length] = batch.labels.shape;
  const size = Math.ceil(rows / count);
  const labels = await batch.labels.data();
  // The first label of a row is predicted from nothing.
  const counted = (from: number, to: number): number =>
    labels.slice(from * length, to * length).filter((id, at) => at % length > 0 && id !== IGNORED)
      .length;
  const all = counted(0, rows);
  const parts: BatchPart[] = [];
  let number = 0;
  for (let first = 0; first < rows; first += size) {
    const partRows = Math.min(size, rows - first);
    if (all > 0 && counted(first, first + partRows) === 0) continue;
    const pieces: PieceShare[] = [];
    const pieceRows = partRows / partsAtOnce(partRows);
    for (let from = first; from < first + partRows; from += pieceRows) {
      const share = all === 0 ? pieceRows / rows : counted(from, from + pieceRows) / all;
      pieces.push({ share, dropoutSeed: pieceSeed(dropoutSeed, number) });
      number += 1;
    }
    parts.push({ batch: count === 1 ? batch : rowsOf(batch, first, partRows), pieces });
  }
  return parts;
}

/** The seed of a batch for its piece of that number. */
function pieceSeed(seed: number | null, number: number): number | null {
  if (seed === null || number === 0) return seed;
  return (seed + number * SPREAD) >>> 1;
}

/** The batches of a part's pieces, to be disposed. */
export function pieceBatches({ batch, pieces }: BatchPart): CaptionBatch[] {
  const rows = batch.labels.shape[0] / pieces.length;
  return pieces.map((_, piece) => rowsOf(batch, piece * rows, rows));
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
