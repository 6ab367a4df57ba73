/** What is told of repeated measurements. */
export interface Spread {
  median: number;
  min: number;
  max: number;
  /** How many were taken. */
  count: number;
}

/** Of an even number the median is the mean of the middle two. Throws for no samples. */
export function spreadOf(samples: readonly number[]): Spread {
  if (samples.length === 0) throw new Error("there is no median of no samples");
  const sorted = samples.toSorted((one, other) => one - other);
  const upper = sorted[Math.floor(sorted.length / 2)]!;
  const lower = sorted[Math.ceil(sorted.length / 2) - 1]!;
  return {
    median: (lower + upper) / 2,
    min: sorted[0]!,
    max: sorted[sorted.length - 1]!,
    count: sorted.length,
  };
}
