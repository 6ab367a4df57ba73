import type { TrialSpec } from "../../worker/contract/trial-spec.ts";
import type { Pool, ResolvedSweep } from "../sweep/resolve-sweep.ts";
import { valueText } from "../sweep/search-space.ts";
import { plural } from "./quantity-text.ts";
import type { Style } from "./style.ts";
import { renderTable } from "./table.ts";

/** Pilots that ask for the same, and what would be submitted for them. */
export interface PlannedPool extends Pick<Pool, "pool" | "request" | "pilots" | "slices"> {
  /** Null where there is no scheduler. */
  script: string | null;
}

/**
 * The trials of a sweep in hand-out order, a column for each parameter that varies, and totals;
 * then what each pool asks the scheduler for.
 */
export function renderPlan(
  sweep: ResolvedSweep,
  pools: readonly PlannedPool[],
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
  const requests = pools.map((pool) => style.dim(poolText(pool)));
  return `${table}\n${countText(sweep)} on site ${sweep.site.name}\n${requests.join("\n")}\n`;
}

function poolText({ request: { walltime, gpus, slots }, pilots, slices, script }: PlannedPool) {
  const pilotsText = `${plural(pilots, "pilot")} with walltime ${walltime}, gpus ${gpus}, slots ${slots}`;
  const slicesText = slices > 1 ? `, each followed by up to ${slices - 1} more` : "";
  const options = script?.split("\n").filter((line) => line.startsWith("#$ ")) ?? [];
  return [pilotsText + slicesText, ...options.map((line) => `  ${line}`)].join("\n");
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
