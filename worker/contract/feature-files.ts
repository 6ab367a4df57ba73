import { z } from "zod";

const count = z.number().int().positive();

/** How features are stored: as IEEE halves or as float32. */
export const FeaturePrecision = z.enum(["half", "float"]);
export type FeaturePrecision = z.infer<typeof FeaturePrecision>;

/**
 * `<root>/features/<key>/identity.json`: all that determines the features of an image, beside the
 * image itself. The key is its hash; nobody but people reads the file.
 */
export const FeatureIdentity = z.strictObject({
  version: z.literal(1),
  /** SHA-256 of the model's files, as in a recipe. */
  model: z.string(),
  init: z.enum(["pretrained", "random"]),
  /** Of random weights; null for those of files. */
  seed: z.number().int().nullable(),
  precision: FeaturePrecision,
  engine: z.string(),
  tensorflow: z.string().nullable(),
  device: z.string(),
});
export type FeatureIdentity = Omit<z.infer<typeof FeatureIdentity>, "version">;

/** Where an attempt finds features, and makes them. A pilot gives it to its trainer. */
export const FeatureSettings = z.strictObject({
  /** `<root>/features`, absolute. */
  directory: z.string(),
  /** For the features of all keys together. */
  limit_bytes: z.number().min(0),
  /** Whoever makes features and stores none for so long is superseded. */
  patience_seconds: z.number().positive(),
});
export type FeatureSettings = z.infer<typeof FeatureSettings>;

/** The attempt that makes or reads features, and the directory with the evidence of its end. */
export const FeatureUser = z.strictObject({
  trial: z.string(),
  attempt: count,
  /** Absolute, as all of the site's machines see it. */
  trial_directory: z.string(),
});
export type FeatureUser = z.infer<typeof FeatureUser>;

/** `readers/<trial>-<attempt>.json`: as long as that attempt may run, the key is not removed. */
export const ReaderMark = z.strictObject({ version: z.literal(1), reader: FeatureUser });
export type ReaderMark = z.infer<typeof ReaderMark>;

/** `<chunk>.<n>.claim`: of a chunk's claims the one with the highest number holds. */
export const ChunkClaim = z.strictObject({
  version: z.literal(1),
  nonce: z.string().regex(/^[0-9a-f]{16}$/),
  maker: FeatureUser,
  /** Of the shard that is to come. */
  bytes: count,
});
export type ChunkClaim = z.infer<typeof ChunkClaim>;

/** What a header says of a row, in the order of the rows that follow it. */
export const ShardRow = z.strictObject({
  id: z.string(),
  /** Who encoded the image. */
  trial: z.string(),
  /** Of the row's bytes, in 8 hexadecimal digits. */
  crc32: z.string().regex(/^[0-9a-f]{8}$/),
});
export type ShardRow = z.infer<typeof ShardRow>;

/**
 * The JSON at the beginning of `<chunk>.shard`: features of some images, never changed. A partial
 * has one too, of the rows it has so far.
 */
export const ShardHeader = z.strictObject({
  version: z.literal(1),
  key: z.string(),
  precision: FeaturePrecision,
  /** Of one image's features: [positions, channels]. */
  shape: z.tuple([count, count]),
  rows: z.array(ShardRow),
});
export type ShardHeader = z.infer<typeof ShardHeader>;
