import type { Tensor } from "@tensorflow/tfjs-core";

/** The rows of scores [N, V], which are disposed. They share memory, row by row. */
export async function scoreRows(scores: Tensor): Promise<Float32Array[]> {
  const values = await scores.data<"float32">();
  scores.dispose();
  const [count, width] = scores.shape;
  return Array.from({ length: count }, (_, row) =>
    values.subarray(row * width!, (row + 1) * width!),
  );
}
