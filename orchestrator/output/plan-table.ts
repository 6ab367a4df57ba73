import type { TrialSpec } from "../../worker/contract/trial-spec.ts";
import type { PlannedFeatures } from "../sweep/planned-features.ts";
import type { Pool, ResolvedSweep } from "../sweep/resolve-sweep.ts";
import { valueText } from "../sweep/search-space.ts";
import { bytesText, plural } from "./quantity-text.ts";
import type { Style } from "./style.ts";
import { renderTable } from "./table.ts";

/** Pilots that ask for the same, and what would be submitted for them. */
export interface PlannedPool extends Pick<Pool, "pool" | "request" | "pilots" | "slices"> {
  /** Null where there is no scheduler. */
  script: string | null;
}

/**
 * The trials of a sweep in hand-out order, a column for each parameter that varies, and totals;
 * then what each pool asks the scheduler for, and what is kept of images.
 */
export function renderPlan(
  sweep: ResolvedSweep,
  { pools, features }: { pools: readonly PlannedPool[]; features: readonly PlannedFeatures[] },
  style: Style,
): string {
  const names = [...new Set(sweep.specs.flatMap(({ params }) => Object.keys(params)))];
  const header = ["id", "arm", ...names, "seed"];
  const rows = sweep.specs.map((spec) => [
    spec.id,
    spec.arm,
    ...names.map((name) => cell(spec, name)),
    String(spec.seed),
  ]);
  const table = renderTable(header, rows, style);
  const notes = [...pools.map(poolText), ...featureTexts(sweep, features)];
  const dimmed = notes.map((note) => style.dim(note));
  return `${table}\n${countText(sweep)} on site ${sweep.site.name}\n${dimmed.join("\n")}\n`;
}

function poolText({ request: { walltime, gpus, slots }, pilots, slices, script }: PlannedPool) {
  const pilotsText = `${plural(pilots, "pilot")} with walltime ${walltime}, gpus ${gpus}, slots ${slots}`;
  const slicesText = slices > 1 ? `, each followed by up to ${slices - 1} more` : "";
  const options = script?.split("\n").filter((line) => line.startsWith("#$ ")) ?? [];
  return [pilotsText + slicesText, ...options.map((line) => `  ${line}`)].join("\n");
}

/** `encoder cache: 4000 images × 577 × 1024 as half, 4.7 GB` for each encoder; then the limit. */
function featureTexts({ site }: ResolvedSweep, features: readonly PlannedFeatures[]): string[] {
  const lines = features.map(({ images, shape, precision, bytes }) => {
    const values = [plural(images, "image"), ...shape].join(" × ");
    return `encoder cache: ${values} as ${precision}, ${bytesText(bytes)}`;
  });
  const total = features.reduce((sum, { bytes }) => sum + bytes, 0);
  const limit = bytesText(site.featuresLimitBytes);
  if (total <= site.featuresLimitBytes) return lines;
  return [...lines, `  more than the ${limit} that the site allows: the rest is encoded each time`];
}

/** The job scripts of all pools, one after the other. */
export function renderScripts(pools: readonly PlannedPool[]): string {
  const scripts = pools.flatMap(({ script }) => (script === null ? [] : [script]));
  return scripts.length > 0 ? scripts.join("\n") : "this site has no scheduler: no job scripts\n";
}

/** `9 trials in 2 arms, 2 of them baselines, 1 excluded` */
export function countText({ specs, arms, excluded }: ResolvedSweep): string {
  const baselines = specs.filter(({ arm }) => !arms.includes(arm)).length;
  const parts = [
    `${plural(specs.length, "trial")} in ${plural(arms.length, "arm")}`,
    ...(baselines > 0
      ? [`${baselines} of them ${baselines > 1 ? "baselines" : "a baseline"}`]
      : []),
    ...(excluded > 0 ? [`${excluded} excluded`] : []),
  ];
  return parts.join(", ");
}

function cell({ params }: TrialSpec, name: string): string {
  const value = params[name];
  return value === undefined ? "-" : valueText(value);
}
