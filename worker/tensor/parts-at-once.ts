import { nativeBackend } from "./native-backend.ts";

const PARTS = 2;

/**
 * In how many equal parts rows are computed at the same time, each by operations of its own.
 * Processors wait less for each other over parts than over each operation; a GPU takes all rows at
 * once. That it is not the number of processors keeps what is drawn for each part, and the order of
 * sums, the same on all hosts.
 */
export function partsAtOnce(rows: number): number {
  return nativeBackend()?.isUsingGpuDevice !== true && rows % PARTS === 0 ? PARTS : 1;
}
