// The house rules, each with its reason, over every file of the repository. The planted cases show
// that each rule still finds what it is there for.
import { describe, expect, it } from "vitest";
import { readSite } from "../orchestrator/sweep/site-config.ts";
import { sourceText } from "../orchestrator/sweep/source-text.ts";
import { diagnose } from "./orchestrator/sweep/diagnose.ts";
import { readRepository } from "./tidy/repository.ts";
import { describeViolation, RULES, violations } from "./tidy/violations.ts";

describe("the repository", () => {
  const files = readRepository();
  const found = violations(files);

  it("is seen whole by the rules", () => {
    for (const file of ["orchestrator/main.ts", "worker/main.ts", "README.md", "package.json"]) {
      expect([...files.keys()]).toContain(file);
    }
  });

  it.each(Object.keys(RULES))("keeps to the rule %s", (rule) => {
    const broken = found.filter((violation) => violation.rule === rule);
    expect(broken.map(describeViolation)).toEqual([]);
  });
});

it("README's sweep and site are right ones", () => {
  const blocks = [...(readRepository().get("README.md") ?? "").matchAll(/^```yaml\n(.*?)^```/gms)];
  const [sweep = "", site = ""] = blocks.map(([, text = ""]) => text);
  expect(blocks).toHaveLength(2);
  expect(diagnose(sweep)).toBe("");
  const source = sourceText({ name: "site.yaml", kind: "file", text: site });
  expect(readSite(source).diagnostics).toEqual([]);
});

describe("a planted violation is found", () => {
  const planted = new Set<string>();
  /** Each file by its path; the rule finds exactly `expected`, as `path:line message…`. */
  const check = (
    rule: keyof typeof RULES,
    title: string,
    { files, expected }: { files: Record<string, string>; expected: string[] },
  ) => {
    if (expected.length > 0) planted.add(rule);
    it(`${rule}: ${title}`, () => {
      const found = violations(new Map(Object.entries(files)))
        .filter((violation) => violation.rule === rule)
        .map(describeViolation);
      expect(found).toHaveLength(expected.length);
      for (const [index, text] of expected.entries()) expect(found[index]).toContain(text);
    });
  };

  check("layers", "the worker imports the orchestrator, even for a type", {
    files: {
      "worker/pilot/pilot.ts": 'import type { A } from "../../orchestrator/sweep/arm.ts";\n',
    },
    expected: ["worker/pilot/pilot.ts:1 worker/pilot may not import orchestrator/sweep"],
  });
  check("layers", "the orchestrator imports what loads TensorFlow", {
    files: {
      "orchestrator/commands/best.ts":
        'import {\n  score,\n} from "../../worker/metrics/cider-d.ts";\n',
    },
    expected: [
      "orchestrator/commands/best.ts:1 orchestrator/commands may not import worker/metrics",
    ],
  });
  check("layers", "an arrow inside the worker is turned round, and hidden in an import()", {
    files: { "worker/model/lora.ts": 'const a = await import("../train/adamw.ts");\n' },
    expected: ["worker/model/lora.ts:1 worker/model may not import worker/train"],
  });
  check("layers", "a folder nobody has placed imports", {
    files: { "worker/extra/new.ts": 'export { a } from "../files/durable-write.ts";\n' },
    expected: ["worker/extra/new.ts:1 worker/extra may not import worker/files"],
  });
  check("layers", "packages away from where they belong", {
    files: {
      "worker/pilot/pilot.ts": 'import { Redis } from "ioredis";\n',
      "worker/model/lora.ts": 'import sharp from "sharp";\n',
      "worker/files/a.ts": 'import x from "left-pad";\n',
      "worker/queue/a.ts": 'import { Redis } from "ioredis";\nimport fs from "node:fs";\n',
    },
    expected: [
      "worker/pilot/pilot.ts:1 ioredis may be imported by worker/queue/",
      "worker/model/lora.ts:1 sharp may be imported by worker/data/",
      "worker/files/a.ts:1 left-pad may be imported by nobody yet",
    ],
  });

  check("backends", "named away from where they are loaded", {
    files: {
      "worker/model/lora.ts": 'const NODE = "@tensorflow/tfjs-node-gpu";\n',
      "worker/tensor/backend.ts": 'const NODE = "@tensorflow/tfjs-node-gpu";\n',
      "worker/train/adamw.ts": 'import * as tf from "@tensorflow/tfjs-core";\n',
    },
    expected: ["worker/model/lora.ts:1 names a backend"],
  });

  check("lightProcesses", "TensorFlow at the end of a chain", {
    files: {
      "orchestrator/main.ts": 'import { a } from "./a.ts";\n',
      "orchestrator/a.ts": 'export { b } from "../worker/queue/b.ts";\n',
      "worker/queue/b.ts": 'import * as tf from "@tensorflow/tfjs-core";\n',
    },
    expected: ["loads what it must not: orchestrator/a.ts → worker/queue/b.ts → @tensorflow/tfjs-"],
  });
  check("lightProcesses", "a type loads nothing", {
    files: {
      "worker/main.ts": 'import type { Tensor } from "@tensorflow/tfjs-core";\n',
    },
    expected: [],
  });

  check("deadFiles", "a module that only another dead one imports", {
    files: {
      "worker/cli.ts": 'import type { A } from "./data/used.ts";\n',
      "worker/data/used.ts": "export type A = 1;\n",
      "worker/data/dead.ts": 'import "./deader.ts";\n',
      "worker/data/deader.ts": "",
    },
    expected: ["worker/data/dead.ts no entry", "worker/data/deader.ts no entry"],
  });

  check("purity", "a clock, the environment, randomness, files", {
    files: {
      "worker/metrics/a.ts": [
        'import { readFileSync } from "node:fs";',
        "const now = Date.now();",
        'const home = process.env["HOME"];',
        "// Math.random() is only spoken of here",
        "const draw = Math.random();",
        'import { createHash } from "node:crypto";',
        'import { createHash, randomUUID } from "node:crypto";',
      ].join("\n"),
    },
    expected: ["a.ts:2", "a.ts:3", "a.ts:5", "a.ts:1 is a pure module", "a.ts:7"],
  });
  check("purity", "a module that is not pure itself, unless for a type", {
    files: {
      "orchestrator/tracking/a.ts": [
        'import { read } from "../../worker/files/json-file.ts";',
        'import type { TrialRecord } from "../../worker/files/trial-directory.ts";',
        'import { dispositionOf } from "../../worker/queue/disposition.ts";',
      ].join("\n"),
    },
    expected: ["tracking/a.ts:1 is a pure module and may not load worker/files/json-file.ts"],
  });

  check("columns", "a line of 101, counted in characters", {
    files: {
      "worker/a.ts": `${"é".repeat(100)}\n${"x".repeat(101)}\n`,
      "worker/b.ts": `throw new Error("${"x".repeat(200)}");\n// ${"x".repeat(98)}\n`,
    },
    expected: ["worker/a.ts:2 has 101 columns", "worker/b.ts:2 has 101 columns"],
  });
  check("moduleSizes", "a module of 351 lines", {
    files: { "worker/a.ts": "a;\n".repeat(351), "worker/b.ts": "a;\n".repeat(350) },
    expected: ["worker/a.ts has 351 lines"],
  });
  check("names", "a drawer and a barrel", {
    files: { "worker/utils/a.ts": "", "worker/model/index.ts": "", "test/helpers.ts": "" },
    expected: ["worker/utils/a.ts", "worker/model/index.ts", "test/helpers.ts"],
  });
  check("printing", "away from entry points and output", {
    files: {
      "worker/train/a.ts": 'process.stdout.write("x");\n',
      "orchestrator/output/a.ts": 'process.stdout.write("x");\nconsole.log("x");\n',
      "worker/trainer.ts": 'process.stderr.write("x");\n',
    },
    expected: ["worker/train/a.ts:1", "orchestrator/output/a.ts:2"],
  });
  check("shells", "a shell, by name and by option", {
    files: {
      "worker/a.ts": 'import { exec, spawn } from "node:child_process";\n',
      "test/a.test.ts": "spawn(program, words, { shell: true });\n",
    },
    expected: ["worker/a.ts:1 exec may start a shell", "test/a.test.ts:1 starts a shell"],
  });
  check("foreignPlaces", "a path of one machine, a registry's host", {
    files: {
      "README.md": `see ${["", "work", "shared", "a"].join("/")}\nhomework/work/b\n`,
      ".npmrc": `registry=https://${["registry", "npmjs", "org"].join(".")}/\n`,
    },
    expected: ["README.md:1 names a path", ".npmrc:1 names a registry's host"],
  });
  check("leftOutTests", "alone, left out, or under a condition without a reason", {
    files: {
      "test/a.test.ts": [
        'it.only("a", () => {});',
        'describe.skip("b", () => {});',
        'test.runIf(isSlow)("c", () => {});',
        "// Needs a minute.",
        'test.runIf(isSlow)("d", () => {});',
      ].join("\n"),
    },
    expected: ["a.test.ts:1 leaves out", "a.test.ts:2 may be", "a.test.ts:3 may be"],
  });

  check("architecture", "too long, and without a folder", {
    files: {
      "ARCHITECTURE.md": "tensor/\n".repeat(151),
      "worker/tensor/a.ts": "",
      "worker/queue/a.ts": "",
    },
    expected: ["has 151 lines", "does not name the folder queue/"],
  });
  check("links", "to no file and to no heading", {
    files: {
      "README.md": "[a](docs/a.md) [b](docs/b.md#it-s) [c](#own-sweep)\n\n## Own sweep\n",
      "docs/b.md": "# It's\n[up](../README.md#own-sweep) [web](https://example.org)\n",
    },
    expected: ["README.md:1 links to docs/a.md", "README.md:1 links to #it-s"],
  });
  check("instructions", "commands, scripts and files that do not exist", {
    files: {
      "README.md": [
        "`npx qsweep plan FILE`, `npx qsweep plam FILE`, `npm run demo`, `npm run dmo`, `npm test`",
        "```",
        "npx qsweep engine info --json",
        "npx qsweep engine infos",
        "npx qsweep plan configs/sweeps/demo.yml",
        "```",
        "In prose qsweep does what it likes.",
      ].join("\n"),
      "package.json": '{"scripts": {"demo": "x", "test": "x"}}',
      "orchestrator/commands/plan.ts": 'program\n    .command("plan <file>")',
      "worker/commands/engine.ts":
        'const engine = program.command("engine");\nengine\n  .command("install")\nengine.command("info")',
    },
    expected: [
      "README.md:1 `qsweep plam` is no command",
      "README.md:4 `qsweep engine infos` is no command",
      "README.md:1 `npm run dmo` is no script",
      "README.md:5 names configs/sweeps/demo.yml",
    ],
  });
  check("variables", "read and not described, described and not read", {
    files: {
      "worker/a.ts": 'process.env["QSWEEP_SECRET_KNOB"];\nprocess.env["QSWEEP_KNOWN"];\n',
      "README.md": "QSWEEP_KNOWN\nQSWEEP_GONE\n",
    },
    expected: ["worker/a.ts:1 QSWEEP_SECRET_KNOB is described", "README.md:2 QSWEEP_GONE is read"],
  });
  check("leftNotes", "in code and in prose", {
    files: { "worker/a.ts": "// TODO later\n", "README.md": "FIXME\n" },
    expected: ["worker/a.ts:1", "README.md:1"],
  });

  it("for every rule there is", () => {
    expect([...planted].toSorted()).toEqual(Object.keys(RULES).toSorted());
  });
});
