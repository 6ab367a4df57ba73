import { z } from "zod";

const seconds = z.number().min(0);

/**
 * How the walltime of a grid job lies around an attempt that has a whole slice to itself: what was
 * over when it was claimed, and what is kept free at the end. A pilot gives it to its trainer.
 */
export const SliceSpan = z.strictObject({
  walltime_seconds: seconds,
  elapsed_seconds: seconds,
  margin_seconds: seconds,
});
export type SliceSpan = z.infer<typeof SliceSpan>;
