import { z } from "zod";
import { DatasetIdentity, ModelIdentity, Objective } from "../../worker/contract/trial-spec.ts";
import { isJsonMap } from "./canonical-json.ts";
import { ARM_METHODS, isLora, isOfLoraOnly, PARAMETERS } from "./parameters.ts";
import { swept, type ParameterValue } from "./swept-value.ts";
import { Walltime } from "./walltime.ts";

/** Names of arms that the baselines take. */
export const BASELINES = ["untuned", "constant"] as const;
export type Baseline = (typeof BASELINES)[number];

const count = z.number().int().positive();
const seed = z.number().int().min(0);

/** A sweep's name is also the name of its directory. */
const SweepName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, {
  error: "a sweep's name is 1 to 63 letters, digits, '.', '_' or '-', the first a letter or digit",
});

const SiteName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, {
  error: "a site's name is that of a file in configs/sites, without .yaml",
});

const ArmName = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9_-]{0,62}$/, {
    error: "an arm's name is 1 to 63 letters, digits, '_' or '-', the first a letter",
  })
  .refine((name) => !BASELINES.some((baseline) => baseline === name), {
    error: "this name is kept for a baseline; choose another name for the arm",
  });

const Resources = z
  .strictObject({
    walltime: Walltime.optional(),
    gpus: z.number().int().min(0).optional(),
    slots: count.optional(),
  })
  .describe("What a pilot asks the cluster for; changes no result.");

const Dataset = z
  .strictObject({
    format: DatasetIdentity.shape.format.default("vizwiz"),
    root: z
      .string()
      .min(1)
      .describe("Folder with annotations/; relative to this file, or to the shell under --set."),
    precanned: DatasetIdentity.shape.precanned
      .default("drop")
      .describe("Captions chosen from a list because the picture shows too little."),
    rejected: DatasetIdentity.shape.rejected
      .default("drop")
      .describe("Captions that the data set's own review turned down."),
    max_bad_images: z
      .number()
      .int()
      .min(0)
      .default(10)
      .describe("Images that may be missing or unreadable before a trial fails."),
  })
  .describe("The images and captions.");

/** The keys of one block of parameters: those whose path is `prefix` and one name. */
function block(prefix: string): Record<string, z.ZodType> {
  const keys = Object.entries(PARAMETERS).flatMap(([path, parameter]) => {
    const key = path.startsWith(prefix) ? path.slice(prefix.length) : "";
    if (key === "" || key.includes(".")) return [];
    const schema = parameter.sweepable ? swept(parameter.schema) : parameter.schema;
    return [[key, schema.describe(parameter.about).optional()] as const];
  });
  return Object.fromEntries(keys);
}

const trainShape: Record<string, z.ZodType> = {
  ...block(""),
  optimizer: z.strictObject(block("optimizer.")).optional(),
  checkpoint: z.strictObject(block("checkpoint.")).optional(),
  validate: z.strictObject(block("validate.")).optional(),
  decode: z.strictObject(block("decode.")).optional(),
};

/** Parameters written by their whole path, with or without `train.`: for `zip` and `exclude`. */
function byPath<T extends z.ZodType>(
  value: (schema: z.ZodType<ParameterValue>) => T,
): Record<string, z.ZodOptional<T>> {
  const shape: Record<string, z.ZodOptional<T>> = {};
  for (const [path, { schema, sweepable }] of Object.entries(PARAMETERS)) {
    if (!sweepable) continue;
    shape[path] = value(schema).optional();
    if (!isLora(path)) shape[`train.${path}`] = shape[path];
  }
  return shape;
}

const ZipGroup = z.strictObject(byPath((value) => z.array(value).min(1)));
export type ZipGroup = z.infer<typeof ZipGroup>;

const Zip = z
  .union([ZipGroup, z.array(ZipGroup).min(1)])
  .describe(
    "Parameters advanced together: lists of one length, by path; or a list of such groups.",
  );

const Arm = z
  .strictObject({
    model: z
      .string()
      .min(1)
      .describe("A folder (relative to this file), or a name under the site's models/."),
    init: ModelIdentity.shape.init.default("pretrained"),
    method: z
      .enum(ARM_METHODS)
      .describe(
        "full: a BLIP model, all weights; lora: an adapter of one; cnn-lstm: that baseline.",
      ),
    lora: z.strictObject(block("lora.")).optional(),
    train: z.strictObject(trainShape).optional(),
    ...trainShape,
    zip: Zip.optional(),
    resources: Resources.optional(),
  })
  .check(
    z.superRefine(refuseForeignLora, {
      // Also when other keys of the arm are wrong, so that all problems are shown at once.
      when: ({ value }) => typeof value === "object" && value !== null,
    }),
  )
  .describe("A branch of the sweep. Keys of `train` may stand here directly or under `train`.");

function refuseForeignLora(arm: Record<string, unknown>, context: z.RefinementCtx): void {
  const method = ARM_METHODS.find((each) => each === arm["method"]);
  if (method === undefined || method === "lora") return;
  const refuse = (path: (string | number)[]) => {
    const what = path.includes("encoder_cache")
      ? "`encoder_cache` belongs"
      : "LoRA settings belong";
    context.addIssue({
      code: "custom",
      path,
      params: { part: "key" },
      message: `${what} in an arm with \`method: lora\`; this arm has \`method: ${method}\``,
    });
  };
  const { lora, encoder_cache, train } = arm;
  if (lora !== undefined) refuse(["lora"]);
  if (encoder_cache !== undefined) refuse(["encoder_cache"]);
  if (isJsonMap(train) && train["encoder_cache"] !== undefined) refuse(["train", "encoder_cache"]);
  const { zip } = arm;
  if (!Array.isArray(zip)) return loraKeys(zip).forEach((key) => refuse(["zip", key]));
  zip.forEach((group, index) => loraKeys(group).forEach((key) => refuse(["zip", index, key])));
}

function loraKeys(group: unknown): string[] {
  return isJsonMap(group) ? Object.keys(group).filter(isOfLoraOnly) : [];
}

const Exclude = z
  .strictObject({ arm: z.string().optional(), seed: seed.optional(), ...byPath((value) => value) })
  .refine((rule) => Object.keys(rule).length > 0, {
    error: "an empty rule would match every trial",
  })
  .describe("Leaves out the trials in which all these values hold.");

/** The sweep file, before values are combined and counted. */
export const SweepFile = z.strictObject({
  name: SweepName.describe("Names the sweep in commands and on disk."),
  site: SiteName.default("local").describe("A file of configs/sites, without .yaml."),
  dataset: Dataset,
  objective: z
    .strictObject({
      metric: Objective.shape.metric.default("cider"),
      split: Objective.shape.split.default("val"),
      mode: Objective.shape.mode.default("max"),
    })
    .default({ metric: "cider", split: "val", mode: "max" })
    .describe("What trials are ranked by."),
  train: z.strictObject(trainShape).optional().describe("Settings of all arms."),
  sampling_seed: seed.default(0).describe("Seed of the random draws of parameter values."),
  seeds: z
    .array(seed)
    .min(1)
    .default([0])
    .describe("Replicates of every parameter set, reported as mean and spread."),
  baselines: z.array(z.enum(BASELINES)).default([]).describe("What the arms are compared with."),
  arms: z
    .record(ArmName, Arm)
    .refine((arms) => Object.keys(arms).length > 0, { error: "give at least one arm" }),
  exclude: z.array(Exclude).default([]),
  resources: Resources.optional(),
  pilots: count.default(1).describe("Trials under way at the same time, per pool."),
  max_failures: count
    .max(100)
    .default(3)
    .describe("Failed attempts after which a trial counts as failed."),
});
export type SweepFile = z.infer<typeof SweepFile>;
export type ArmFile = SweepFile["arms"][string];
