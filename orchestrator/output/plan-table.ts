import type { TrialSpec } from "../../worker/contract/trial-spec.ts";
import type { ResolvedSweep } from "../sweep/resolve-sweep.ts";
import { valueText } from "../sweep/search-space.ts";
import { plural } from "./quantity-text.ts";
import type { Style } from "./style.ts";
import { renderTable } from "./table.ts";

/** The trials of a sweep in hand-out order, a column for each parameter that varies, and totals. */
export function renderPlan(sweep: ResolvedSweep, style: Style): string {
  const names = [...new Set(sweep.specs.flatMap(({ params }) => Object.keys(params)))];
  const header = ["id", "arm", ...names, "seed"];
  const rows = sweep.specs.map((spec) => [
    spec.id,
    spec.arm,
    ...names.map((name) => cell(spec, name)),
    String(spec.seed),
  ]);
  const table = renderTable(header, rows, style);
  const pools = sweep.pools.map(({ request: { walltime, gpus, slots }, pilots }) =>
    style.dim(`${plural(pilots, "pilot")} with walltime ${walltime}, gpus ${gpus}, slots ${slots}`),
  );
  return `${table}\n${countText(sweep)} on site ${sweep.site.name}\n${pools.join("\n")}\n`;
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
