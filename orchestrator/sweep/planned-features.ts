import type { FeaturePrecision } from "../../worker/contract/feature-files.ts";
import type { Recipe, TrialSpec } from "../../worker/contract/trial-spec.ts";
import { featureBytes, type FeatureShape } from "../../worker/features/feature-layout.ts";
import type { SiteInputs } from "./find-inputs.ts";
import type { ResolvedSweep } from "./resolve-sweep.ts";

/** What one frozen encoder will make of a sweep's images, and keep for all of its trials. */
export interface PlannedFeatures {
  /** The model's folder on the site. */
  model: string;
  /** Null for weights of files: random ones are others for each seed. */
  seed: number | null;
  precision: FeaturePrecision;
  images: number;
  shape: FeatureShape;
  bytes: number;
}

/** Names of BLIP's linear layers before the cut: where one is adapted, nothing can be kept. */
const OF_THE_ENCODER = new Set(["qkv", "projection", "fc1", "fc2"]);

/**
 * How large the encoder cache becomes: an entry for each encoder that uses it. Folders that will be
 * sent are looked at `here`.
 */
export async function plannedFeatures(
  sweep: ResolvedSweep,
  { site, here }: { site: SiteInputs; here: SiteInputs },
): Promise<PlannedFeatures[]> {
  const encoders = new Map<
    string,
    { spec: TrialSpec; seed: number | null; mode: FeaturePrecision }
  >();
  for (const spec of sweep.specs) {
    const { recipe } = spec;
    const mode = cacheModeOf(recipe);
    if (mode === null || recipe.method !== "lora") continue;
    const { digest, init } = recipe.model;
    const seed = init === "random" ? recipe.seed : null;
    encoders.set([digest, init, seed, mode].join(), { spec, seed, mode });
  }
  const planned: PlannedFeatures[] = [];
  /** Where a folder of the site is now, and who can look at it. */
  const found = (directory: string): { folder: string; at: SiteInputs } => {
    const upload = sweep.uploads.find(({ to }) => to === directory);
    return upload ? { folder: upload.from, at: here } : { folder: directory, at: site };
  };
  for (const { spec, seed, mode: precision } of encoders.values()) {
    const model = spec.paths.model!;
    const encoder = found(model);
    const dataset = found(spec.paths.dataset);
    const shape = await encoder.at.encodedShape(encoder.folder);
    const splits = Object.keys(spec.recipe.dataset.annotations);
    const images = await dataset.at.countImages({ root: dataset.folder, splits });
    const bytes = featureBytes({ images, shape, precision });
    planned.push({ model, seed, precision, images, shape, bytes });
  }
  return planned;
}

function cacheModeOf(recipe: Recipe): FeaturePrecision | null {
  if (recipe.method !== "lora") return null;
  const { encoder_cache: mode } = recipe.train;
  const isFrozen = !recipe.lora.target_modules.some((name) => OF_THE_ENCODER.has(name));
  return mode === "off" || !isFrozen ? null : mode;
}
