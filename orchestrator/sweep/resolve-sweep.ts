import path from "node:path";
import type { TrialSpec } from "../../worker/contract/trial-spec.ts";
import { applySets } from "./apply-sets.ts";
import { armsOf, type Arm, type ResourceRequest } from "./arm.ts";
import { checkSchema } from "./check-schema.ts";
import { DiagnosedFailure, type Diagnostic } from "./diagnostic.ts";
import { findInputs } from "./find-inputs.ts";
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
  request: ResourceRequest;
  pilots: number;
  slices: number;
  /** The job script, or null for a site without a scheduler. */
  script: string | null;
}

/** A sweep that can be launched: every value settled, every model and data set found. */
export interface ResolvedSweep {
  name: string;
  /** Absolute. */
  file: string;
  /** The YAML as given, without what `--set` changed. */
  text: string;
  site: { name: string; root: string; leaseSeconds: number; redisServer?: string };
  arms: string[];
  /** In hand-out order. */
  specs: TrialSpec[];
  /** How many trials `exclude` left out. */
  excluded: number;
  pilots: number;
  maxFailures: number;
  pools: Pool[];
}

/**
 * Reads a sweep file with its `--set key=value` options. Reads files only; throws a diagnosed
 * failure with every problem of the stage that finds any: text and values, combinations, site,
 * inputs, trials.
 */
export async function resolveSweep(file: string, sets: readonly string[]): Promise<ResolvedSweep> {
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
  const site = await findSite({ name: sweep.site, at, sweepDirectory });
  refuse(tree, tooManyPilots(sweep, site));
  const query = { sweep, arms, tree, sweepDirectory, siteRoot: site.root };
  const { models, dataset } = await findInputs(query);
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
    site: {
      name: site.name,
      root: site.root,
      leaseSeconds: site.leaseSeconds,
      ...(site.redisServer !== undefined && { redisServer: site.redisServer }),
    },
    arms: arms.map(({ name }) => name),
    specs: plan.specs,
    excluded: plan.excluded,
    pilots: sweep.pilots,
    maxFailures: sweep.max_failures,
    pools: poolsOf(arms, sweep.pilots),
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

/** On a site without a scheduler a pilot has no walltime, so one slice does. */
function poolsOf(arms: readonly Arm[], pilots: number): Pool[] {
  const requests = new Map(arms.map(({ request }) => [JSON.stringify(request), request]));
  return [...requests.values()].map((request) => ({ request, pilots, slices: 1, script: null }));
}
