import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { taskBody } from "../../../orchestrator/adapters/task-body.ts";
import { gridScript } from "../../../orchestrator/sge/grid-script.ts";
import { clusterSite } from "../../rig/cluster-site.ts";
import { sampleText } from "../../rig/sge-samples.ts";
import { waitFor } from "../../rig/wait-for.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "qsweep-task-"));
  mkdirSync(path.join(folder, "bin"));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** A variable of what a task of the real Grid Engine saw. */
function sampleEnvironment(sample: string): Record<string, string> {
  const lines = sampleText(`${sample}.txt`).matchAll(
    /^(JOB_ID|NSLOTS|SGE_TASK_ID|RESTARTED|HOSTNAME)=(.*)$/gm,
  );
  return Object.fromEntries([...lines].map(([, name, value]) => [name, value]));
}

interface Task {
  setup?: string[];
  node?: string;
  /** What Node runs; by default it keeps its words in `words`. */
  program?: string;
  sample?: "job-env-plain" | "job-env-array-pe";
  login?: boolean;
}

const KEEPS_WORDS = `require("node:fs").writeFileSync("words", JSON.stringify(process.argv.slice(2)))`;

function start({
  setup = [],
  node = process.execPath,
  program = KEEPS_WORDS,
  sample = "job-env-array-pe",
  login = true,
}: Task = {}): ChildProcess {
  writeFileSync(path.join(folder, "program.cjs"), program);
  const text = gridScript({
    array: {
      program: "pilot",
      token: "0123abcd",
      label: "demo",
      directory: folder,
      logs: folder,
      request: { walltime: "01:00:00", gpus: 0, slots: 1 },
      atOnce: 1,
      slices: 1,
      command: [node, path.join(folder, "program.cjs"), "pilot"],
      environment: {},
      directives: [],
    },
    site: clusterSite({ setup }),
    body: taskBody("pilot"),
  });
  writeFileSync(path.join(folder, "script"), text);
  const words = [...(login ? ["-l"] : []), path.join(folder, "script")];
  const env = { ...process.env, HOME: folder, ...sampleEnvironment(sample) };
  return spawn("bash", words, { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
}

interface Ended {
  status: number | null;
  log: string;
}

function end(task: ChildProcess): Promise<Ended> {
  let log = "";
  for (const stream of [task.stdout, task.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => (log += text));
  }
  return new Promise((resolve) => task.on("close", (status) => resolve({ status, log })));
}

/** Waits until the program has made a file. */
function made(name: string): Promise<boolean> {
  return waitFor(name, () => existsSync(path.join(folder, name)));
}

function read(name: string): unknown {
  return JSON.parse(readFileSync(path.join(folder, name), "utf8"));
}

it.each(["task", "pilot", "broker"])("jobs/%s.sh is bash", (name) => {
  expect(spawnSync("bash", ["-n", `jobs/${name}.sh`], { encoding: "utf8" }).stderr).toBe("");
});

it.each([true, false])(
  "runs the program with what the task knows (as a login shell %s)",
  async (login) => {
    const { status, log } = await end(start({ login }));
    expect(log).toMatch(/ended with status 0/);
    expect(status).toBe(0);
    const words = read("words") as string[];
    expect(words.slice(0, 5)).toEqual(["pilot", "--name", "1.3", "--threads", "4"]);
    expect(words[5]).toBe("--elapsed-seconds");
    expect(Number(words[6])).toBeGreaterThanOrEqual(0);
    expect(words.slice(7)).toEqual(["--sign-off", path.join(folder, "task-3.left")]);
  },
);

it("takes a grid job that is no array for its first task", async () => {
  await end(start({ sample: "job-env-plain" }));
  expect(read("words")).toContain("2.1");
  expect(read("task-1.2.exit")).toMatchObject({ job: "2", task: 1, status: 0, restarted: 0 });
});

it("counts the time of the set-up lines as elapsed", async () => {
  await end(start({ setup: ["SECONDS=120"] }));
  const words = read("words") as string[];
  expect(Number(words[words.indexOf("--elapsed-seconds") + 1])).toBeGreaterThanOrEqual(120);
});

it("keeps how it ended, also of a program that was killed", async () => {
  const { status } = await end(start({ program: `process.kill(process.pid, "SIGKILL")` }));
  expect(status).toBe(137);
  expect(read("task-3.1.exit")).toMatchObject({ version: 1, job: "1", task: 3, status: 137 });
  expect(readdirSync(folder).filter((name) => name.endsWith(".tmp"))).toEqual([]);
});

it.each([
  ["a set-up line fails", { setup: ["true", "false it"] }, 71, "status 1: false it"],
  ["a set-up line ends the shell", { setup: ["exit 9"] }, 9, "restarted 0"],
  [
    "`module` is missing",
    { setup: ["module load x"] },
    72,
    "no module command here: module load x",
  ],
  ["Node is missing", { node: "/nowhere/node" }, 73, "no Node at /nowhere/node"],
] as const)("says so and ends with a code of its own where %s", async (_, task, code, said) => {
  const { status, log } = await end(
    start({ ...task, setup: [...("setup" in task ? task.setup : [])] }),
  );
  expect(log).toContain(said);
  expect(status).toBe(code);
  expect(read("task-3.1.exit")).toMatchObject({ status: code });
  expect(existsSync(path.join(folder, "words"))).toBe(false);
});

it.each([
  ["v20.18.3", 74],
  ["v18.20.4", 74],
  ["v20.19.0", 0],
  ["v22.1.0", 0],
])("takes Node %s with status %i", async (version, code) => {
  const node = path.join(folder, "bin", "node");
  writeFileSync(node, `#!/bin/sh\n[ "$1" != --version ] || echo ${version}\n`, { mode: 0o755 });
  expect((await end(start({ node }))).status).toBe(code);
});

it("lets the set-up lines use variables that are not set", async () => {
  expect((await end(start({ setup: ['[ -z "$NOT_SET" ]'] }))).status).toBe(0);
});

it("gives the program what the set-up lines export", async () => {
  const program = `require("node:fs").writeFileSync("words", JSON.stringify(process.env.LD_LIBRARY_PATH))`;
  await end(start({ setup: ["export LD_LIBRARY_PATH=/opt/cuda"], program }));
  expect(read("words")).toBe("/opt/cuda");
});

it("does not begin when it was asked to leave before", async () => {
  const { status, log } = await end(start({ setup: ["kill -USR2 $$"] }));
  expect(log).toContain("asked to leave before it began");
  expect(status).toBe(0);
  expect(existsSync(path.join(folder, "words"))).toBe(false);
});

/** Counts the signals it gets for a while, then ends with 5. */
const COUNTS = `
let count = 0;
process.on("SIGUSR2", () => {
  count += 1;
  if (count > 1) return;
  require("node:fs").writeFileSync("got", "");
  setTimeout(() => {
    require("node:fs").writeFileSync("words", JSON.stringify(count));
    process.exit(5);
  }, 500);
});`;

it.each(["SIGUSR1", "SIGUSR2", "SIGTERM"] as const)(
  "outlives %s, forwards it once and waits for the program",
  async (signal) => {
    const task = start({
      program: `${COUNTS} ; require("node:fs").writeFileSync("up", ""); setInterval(() => {}, 1000);`,
    });
    const ended = end(task);
    await made("up");
    task.kill(signal);
    await made("got");
    task.kill(signal);
    expect((await ended).status).toBe(5);
    expect(read("words")).toBe(1);
  },
);

it("forwards nothing to Node before the program has set its handlers", async () => {
  const program = `
    require("node:fs").writeFileSync("up", "");
    const wait = () => require("node:fs").existsSync("go") ? begin() : setTimeout(wait, 20);
    const begin = () => { ${COUNTS} };
    wait();
    setInterval(() => {}, 1000);`;
  const task = start({ program });
  const ended = end(task);
  await made("up");
  task.kill("SIGUSR2");
  writeFileSync(path.join(folder, "go"), "");
  expect((await ended).status).toBe(5);
  expect(read("words")).toBe(1);
});
