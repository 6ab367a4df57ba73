import { z } from "zod";
import { EngineInfo, Metrics } from "./trial-event.ts";

const step = z.number().int().min(0);
const attempt = z.number().int().positive();

/** `attempts/<n>.claim`: whose nonce stands here owns the attempt. */
export const Claim = z.strictObject({
  version: z.literal(1),
  nonce: z.string(),
  pilot: z.string(),
  host: z.string(),
  time: z.iso.datetime(),
});
export type Claim = z.infer<typeof Claim>;

/** Why an attempt failed. `retryable` says whether another try could end differently. */
export const AttemptFailure = z.strictObject({
  reason: z.enum([
    "nan-loss",
    "out-of-memory",
    "data-missing",
    "data-invalid",
    "model-missing",
    "model-invalid",
    "engine-missing",
    "disk-full",
    "trainer-killed",
    "trainer-crashed",
    /** A whole slice was not enough to complete one checkpoint. */
    "slice-too-short",
    /** Said by the scheduler's accounting of a grid job whose pilot left no exit record. */
    "walltime",
    "node-lost",
    "pilot-killed",
    "gpu-unknown",
    /** The grid job of its pilot is over, and nothing says what ended it. */
    "unknown",
  ]),
  message: z.string(),
  retryable: z.boolean(),
});
export type AttemptFailure = z.infer<typeof AttemptFailure>;

/**
 * `attempts/<n>/exit.json`: the evidence that an attempt is over. Written by the trainer, or by its
 * pilot when the trainer died without a word. An attempt without it may still be running.
 */
export const AttemptExit = z.discriminatedUnion("outcome", [
  z.strictObject({ version: z.literal(1), outcome: z.literal("finished"), step }),
  /** Checkpointed and given back: a stop, a walltime margin, or a pilot that went away. */
  z.strictObject({
    version: z.literal(1),
    outcome: z.literal("handed-back"),
    step,
    why: z.enum(["stop", "walltime", "shutdown", "pilot-lost"]),
  }),
  /** A higher claim exists; this attempt stopped without writing further. */
  z.strictObject({ version: z.literal(1), outcome: z.literal("superseded"), step }),
  z.strictObject({
    version: z.literal(1),
    outcome: z.literal("failed"),
    step,
    failure: AttemptFailure,
  }),
]);
export type AttemptExit = z.infer<typeof AttemptExit>;

export const EpochRecord = z.strictObject({
  epoch: z.number().int().min(0),
  step,
  /** Mean training loss over the epoch's steps; null for an untrained baseline. */
  loss: z.number().nullable(),
  /** Null for an epoch that was not validated. */
  metrics: Metrics.nullable(),
});
export type EpochRecord = z.infer<typeof EpochRecord>;

/** `result.json`: the trial's one result, linked from the attempt that finished first. */
export const TrialResult = z.strictObject({
  version: z.literal(1),
  trial: z.string(),
  attempt,
  metrics: Metrics,
  /** The epoch with the best objective, and its weights relative to the trial directory. */
  best: z.strictObject({
    epoch: z.number().int().min(0),
    step,
    checkpoint: z.string().nullable(),
  }),
  /** The caption itself, for the `constant` baseline. */
  caption: z.string().optional(),
  epochs: z.array(EpochRecord),
  steps: step,
  /** Usable images of each split. */
  images: z.record(z.string(), z.number().int().min(0)),
  bad_images: z.number().int().min(0),
  /** Images that this trial encoded for the encoder cache; absent where that is not used. */
  encoded_images: z.number().int().min(0).optional(),
  engine: EngineInfo,
  finished_at: z.iso.datetime(),
});
export type TrialResult = z.infer<typeof TrialResult>;

/** What of a result shows and ranks a trial. */
export const ResultOutline = z.object(
  TrialResult.pick({ attempt: true, metrics: true, best: true, epochs: true, steps: true }).shape,
);
export type ResultOutline = z.infer<typeof ResultOutline>;

/** `checkpoints/<name>/manifest.json`: written last; a checkpoint without it is incomplete. */
export const CheckpointManifest = z.strictObject({
  version: z.literal(1),
  trial: z.string(),
  attempt,
  /** Bitwise claims hold for one engine, thread count and processor model. */
  engine: EngineInfo,
  /** `resumable` holds the optimiser state; `weights` does not. */
  kind: z.enum(["resumable", "weights"]),
  /**
   * Steps done, epochs completed (trained, and validated where due), and steps done within the
   * epoch under way: all of them while its validation is pending.
   */
  step,
  epoch: z.number().int().min(0),
  step_in_epoch: step,
  /** Sum of the losses of the epoch under way, to report its mean after a resume. */
  loss_sum: z.number(),
  epochs: z.array(EpochRecord),
  /** The best weights so far, relative to the trial directory. */
  best: z
    .strictObject({ epoch: z.number().int(), step, metrics: Metrics, path: z.string() })
    .nullable(),
  files: z.record(z.string(), z.strictObject({ bytes: step, sha256: z.string() })),
});
export type CheckpointManifest = z.infer<typeof CheckpointManifest>;

/** `<sweep>/intents/<sequence>.json`: what the user asked for; later ones override earlier ones. */
export const Intent = z.strictObject({
  version: z.literal(1),
  kind: z.enum(["stop", "resume", "retry"]),
  trials: z.union([z.literal("all"), z.array(z.string())]),
  /** For `retry`: failures of attempts up to this number no longer count, by trial. */
  after_attempt: z.record(z.string(), z.number().int().min(0)).optional(),
  time: z.iso.datetime(),
});
export type Intent = z.infer<typeof Intent>;

/** `<sweep>/plan.json`: the sweep as launched; every trial is in one pool. */
export const SweepPlan = z.strictObject({
  version: z.literal(1),
  sweep: z.string(),
  site: z.string(),
  /** Ids in hand-out order. A trial that left the sweep file keeps its directory, not its place. */
  trials: z.array(z.string()),
  pilots: z.number().int().positive(),
  /**
   * Pools of pilots that ask the cluster for different resources, and the trials given to each.
   */
  pools: z.array(
    z.strictObject({
      pool: z.string().regex(/^p\d+$/),
      pilots: z.number().int().positive(),
      trials: z.array(z.string()),
    }),
  ),
  lease_seconds: z.number().positive(),
  /** Retryable failures in a row without progress before a trial counts as failed. */
  max_failures: z.number().int().positive(),
});
export type SweepPlan = z.infer<typeof SweepPlan>;

/** `<root>/broker/<generation>/broker.json`, mode 0600: where the broker of a site listens. */
export const BrokerAddress = z.strictObject({
  version: z.literal(1),
  generation: z.number().int().positive(),
  host: z.string(),
  port: z.number().int().positive(),
  /** Empty for a broker of the site's own that asks for none. */
  password: z.string(),
  /** Of the redis-server on its host; null for one that we did not start. */
  pid: z.number().int().positive().nullable(),
});
export type BrokerAddress = z.infer<typeof BrokerAddress>;
