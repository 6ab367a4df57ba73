import { z } from "zod";

/**
 * What is seen of an attempt while it runs. For display only; each number may be behind the truth.
 */
export const LiveTrial = z.strictObject({
  version: z.literal(1),
  attempt: z.number().int().positive(),
  pilot: z.string(),
  host: z.string(),
  phase: z.enum(["starting", "encoding", "training", "validating"]),
  epoch: z.number().nullable(),
  epochs: z.number().nullable(),
  step: z.number().nullable(),
  steps: z.number().nullable(),
  loss: z.number().nullable(),
  /** Of the newest validation of this attempt. */
  cider: z.number().nullable(),
  /** Estimate from the speed of the last steps; validation and checkpoints are not in it. */
  eta_seconds: z.number().nullable(),
});
export type LiveTrial = z.infer<typeof LiveTrial>;
