import { spawnSync } from "node:child_process";
import { array, assert, constantFrom, oneof, property, string } from "fast-check";
import { expect, it } from "vitest";
import type { GridArray } from "../../../orchestrator/ports/scheduler.ts";
import { gridScript } from "../../../orchestrator/sge/grid-script.ts";
import { clusterSite, type ClusterSiteChanges } from "../../rig/cluster-site.ts";

const ARRAY: GridArray = {
  program: "pilot",
  token: "0123abcd",
  label: "demo-a",
  directory: "/shared/my sweeps/submissions/0123abcd",
  logs: "/shared/my sweeps/pilots",
  request: { walltime: "12:00:00", gpus: 1, slots: 4 },
  atOnce: 4,
  slices: 10,
  command: ["node", "/shared/worker/main.js"],
  environment: {},
  directives: [],
};

function script(
  changes: Partial<GridArray> = {},
  site: ClusterSiteChanges = {},
  body = "",
): string {
  const sge = { project: "ds598", parallelEnvironment: "omp", ...site.sge };
  return gridScript({
    array: { ...ARRAY, ...changes },
    site: clusterSite({ ...site, sge }),
    body,
  });
}

function options(text: string): string[] {
  return text.split("\n").filter((line) => line.startsWith("#$ "));
}

it("asks for what the published recipe asks for, as an array that follows itself", () => {
  const text = script({ directives: ["-l gpu_c=7.0"] });
  expect(text.split("\n")[0]).toBe("#!/bin/bash -l");
  expect(options(text)).toEqual([
    "#$ -S /bin/bash",
    "#$ -N qs0123abcd-demo-a",
    "#$ -P ds598",
    "#$ -pe omp 4",
    "#$ -l gpus=1",
    "#$ -l h_rt=12:00:00",
    "#$ -t 1-40",
    "#$ -tc 4",
    "#$ -r y",
    "#$ -j y",
    '#$ -o "/shared/my sweeps/pilots/$JOB_ID.$TASK_ID.log"',
    '#$ -wd "/shared/my sweeps/submissions/0123abcd"',
    "#$ -l gpu_c=7.0",
  ]);
});

it("asks for no GPU, project or parallel environment where there is none", () => {
  const request = { walltime: "01:00:00", gpus: 0, slots: 1 };
  const sge = { project: null, parallelEnvironment: null };
  const text = options(script({ request }, { sge })).join("\n");
  expect(text).not.toMatch(/-P|-pe|gpus/);
});

it("has no name of characters that Grid Engine refuses", () => {
  expect(options(script({ label: "a:b/c*d" }))).toContain("#$ -N qs0123abcd-a-b-c-d");
});

const UNWRITABLE: [string, Partial<GridArray>, ClusterSiteChanges, RegExp][] = [
  ["a quote in a name", {}, { sge: { parallelEnvironment: 'o"mp' } }, /"o\\"mp"/],
  ["a colon in a path", { logs: "/shared/a:b" }, {}, /a:b/],
  ["a dollar sign in a path", { directory: "/shared/$(id)" }, {}, /\$\(id\)/],
  ["a line break in a set-up line", {}, { setup: ["module load x\n#$ -P other"] }, /one line/],
  ["slots without a parallel environment", {}, { sge: { parallelEnvironment: null } }, /4 slots/],
  ["a directive that carries the environment", { directives: ["-V"] }, {}, /`-V`/],
  ["a directive that changes the array", { directives: [" -t 1-9"] }, {}, /-t/],
];

it.each(UNWRITABLE)("refuses %s in one line", (_, changes, site, message) => {
  const asked = (): string => script(changes, site);
  expect(asked).toThrow(expect.objectContaining({ reason: "site-invalid" }));
  expect(asked).toThrow(message);
});

it("looks for the end of the sweep before anything of the site", () => {
  const text = script({ environment: { A: "b" } }, { setup: ["module load x"] });
  const looks = text.indexOf("submissions/0123abcd/done' ]; then exit 0");
  expect(looks).toBeGreaterThan(0);
  expect(looks).toBeLessThan(text.indexOf("export A="));
  expect(looks).toBeLessThan(text.indexOf("module load"));
});

it("gives a real bash every word exactly as it is", () => {
  const word = string({ unit: "grapheme-composite", maxLength: 12 });
  const nasty = constantFrom(
    "it's",
    '"$(id)"',
    "`id`",
    "a b",
    "",
    "\\",
    "!!",
    "*",
    "-n",
    "$'x'",
    "#$",
  );
  const line = oneof(word, nasty).filter((text) => !/[\n\r\0]/.test(text));
  const body = `printf '%s\\0' "\${qsweep_command[@]}" "\${qsweep_setup[@]}" "$VALUE" "$qsweep_submission"`;
  assert(
    property(
      array(line, { minLength: 1 }),
      array(line, { minLength: 1 }),
      line,
      (command, setup, value) => {
        const text = script({ command, environment: { VALUE: value } }, { setup }, body);
        const { stdout } = spawnSync("bash", { input: text, encoding: "utf8" });
        expect(stdout.split("\0")).toEqual([...command, ...setup, value, ARRAY.directory, ""]);
      },
    ),
    { numRuns: 60 },
  );
});
