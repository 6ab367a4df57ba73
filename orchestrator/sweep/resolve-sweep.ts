import path from "node:path";
import type { TrialSpec } from "../../worker/contract/trial-spec.ts";
import { applySets } from "./apply-sets.ts";
import { armsOf, type Arm, type ResourceRequest } from "./arm.ts";
import { checkSchema } from "./check-schema.ts";
import { DiagnosedFailure, type Diagnostic } from "./diagnostic.ts";
import { findInputs, type SiteInputs, type Upload } from "./find-inputs.ts";
import { findSite, type Site } from "./find-site.ts";
import { placed, type Problem } from "./problem.ts";
import { readSource } from "./read-source.ts";
import { readYaml } from "./read-yaml.ts";
import { pointsOf } from "./search-space.ts";
import type { SourceText } from "./source-text.ts";
import { SweepFile } from "./sweep-schema.ts";
import { planTrials } from "./trial-plan.ts";
import { locate, type YamlNode } from "./yaml-node.ts";

/** Pilots that ask the cluster for the same. */
export interface Pool {
  /** `p1`, `p2`, … in the order of the arms. */
  pool: string;
  request: ResourceRequest;
  pilots: number;
  slices: number;
  /** Ids, in hand-out order. */
  trials: string[];
}

/** A sweep that can be launched: every value settled, every model and data set found. */
export interface ResolvedSweep {
  name: string;
  /** Absolute. */
  file: string;
  /** The YAML as given, without what `--set` changed. */
  text: string;
  site: Site;
  arms: string[];
  /** In hand-out order. */
  specs: TrialSpec[];
  /** Folders that the site needs before any trial runs. */
  uploads: Upload[];
  /** How many trials `exclude` left out. */
  excluded: number;
  pilots: number;
  maxFailures: number;
  pools: Pool[];
}

/** What there is at a site; for a cluster, that takes a connection. */
export type OpenInputs = (site: Site) => Promise<SiteInputs>;

/**
 * Reads a sweep file with its `--set key=value` options. Reads files only; throws a diagnosed
 * failure with every problem of the stage that finds any: text and values, combinations, site,
 * inputs, trials.
 */
export async function resolveSweep(
  file: string,
  sets: readonly string[],
  openInputs: OpenInputs,
): Promise<ResolvedSweep> {
  const source = await readSource(file, "sweep-invalid");
  const { sweep, tree } = parseSweep(source, sets);
  const { arms, problems } = armsOf(sweep);
  const spaces = arms.map((arm) => ({ arm, ...pointsOf(arm, sweep.sampling_seed) }));
  refuse(tree, [
    ...problems,
    ...repeatedSeeds(sweep.seeds),
    ...spaces.flatMap((space) => space.problems),
  ]);
  const sweepDirectory = path.dirname(path.resolve(file));
  const at = locate(tree, ["site"], "value");
  const found = await findSite({ name: sweep.site, at, sweepDirectory });
  refuse(tree, tooManyPilots(sweep, found));
  const inputs = await openInputs(found);
  const site = { ...found, root: inputs.root };
  const isLocal = site.scheduler === "local";
  const query = { sweep, arms, tree, sweepDirectory, isLocal, inputs };
  const { models, dataset, uploads } = await findInputs(query);
  const planned = spaces.flatMap(({ arm, points }) => {
    const model = models.get(arm.name);
    return model ? [{ arm, points, model }] : [];
  });
  const plan = planTrials({ sweep, arms: planned, dataset });
  refuse(tree, plan.problems);
  return {
    name: sweep.name,
    file: path.resolve(file),
    text: source.text,
    site,
    arms: arms.map(({ name }) => name),
    specs: plan.specs,
    uploads,
    excluded: plan.excluded,
    pilots: sweep.pilots,
    maxFailures: sweep.max_failures,
    pools: poolsOf({ arms, pilots: sweep.pilots, site, specs: plan.specs }),
  };
}

/** The pure part up to checked values. Throws a diagnosed failure `sweep-invalid`. */
export function parseSweep(
  source: SourceText,
  sets: readonly string[],
): { sweep: SweepFile; tree: YamlNode } {
  const reading = readYaml(source);
  if (!reading.root) throw invalid(reading.diagnostics);
  const { root: tree, diagnostics } = applySets(reading.root, sets);
  const { value: sweep, problems } = checkSchema(SweepFile, tree);
  const all = [...reading.diagnostics, ...diagnostics, ...problems.map((one) => placed(tree, one))];
  if (!sweep || all.length > 0) throw invalid(all);
  return { sweep, tree };
}

function refuse(tree: YamlNode, problems: Problem[]): void {
  if (problems.length > 0) throw invalid(problems.map((problem) => placed(tree, problem)));
}

function invalid(diagnostics: Diagnostic[]): DiagnosedFailure {
  const remedy = "Correct the sweep file; nothing was created.";
  return new DiagnosedFailure({ reason: "sweep-invalid", remedy, diagnostics });
}

function repeatedSeeds(seeds: readonly number[]): Problem[] {
  return seeds.flatMap((seed, index): Problem[] => {
    const first = seeds.indexOf(seed);
    if (first === index) return [];
    return [
      {
        path: ["seeds", index],
        part: "value",
        message: `the seed ${seed} is given twice: its trials would be the same`,
        related: { path: ["seeds", first], part: "value", message: "first given here" },
      },
    ];
  });
}

function tooManyPilots({ pilots }: SweepFile, { name, maxPilots }: Site): Problem[] {
  const message = `the site "${name}" allows ${maxPilots} pilots, got ${pilots}`;
  return pilots > maxPilots ? [{ path: ["pilots"], part: "value", message }] : [];
}

interface PoolQuery {
  arms: readonly Arm[];
  pilots: number;
  site: Site;
  specs: readonly TrialSpec[];
}

/**
 * One pool per distinct request; baselines go with the first. This machine grants no resources, so
 * all share one pool there, and as a pilot has no walltime, one slice does.
 */
function poolsOf({ arms, pilots, site, specs }: PoolQuery): Pool[] {
  const isLocal = site.scheduler === "local";
  const pools = new Map<string, Pool>();
  const byArm = new Map<string, Pool>();
  for (const { name, request } of arms) {
    const key = isLocal ? "" : JSON.stringify(request);
    const slices = isLocal ? 1 : site.slices;
    const pool = `p${pools.size + 1}`;
    const known = pools.get(key) ?? { pool, request, pilots, slices, trials: [] };
    pools.set(key, known);
    byArm.set(name, known);
  }
  const [first] = pools.values();
  for (const { id, arm } of specs) (byArm.get(arm) ?? first)?.trials.push(id);
  return [...pools.values()].filter(({ trials }) => trials.length > 0);
}
