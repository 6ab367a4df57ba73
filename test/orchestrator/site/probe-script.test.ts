import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { checkSite } from "../../../orchestrator/site/check-site.ts";
import { commandFolder } from "../../rig/command-folder.ts";
import { ShellHost } from "../../rig/shell-host.ts";
import { cluster } from "./cluster.ts";

const request = { gpus: 1, slots: 4, walltime: "12:00:00" };

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "probe-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Programs in the place of Grid Engine's; qsub keeps what it was given. */
function gridCommands(): string {
  return commandFolder(folder, {
    qsub: `cat >${folder}/submitted; echo "verification: found suitable queue(s)"`,
    qstat: "exit 0",
    qdel: "exit 0",
    qacct: "exit 0",
    qconf: `echo 'denied: host "here" is not an admin host' >&2; exit 1`,
  });
}

/** Checks this machine as if it were a login host, with these set-up lines. */
async function check(parts: Parameters<typeof cluster>[0], environment: NodeJS.ProcessEnv = {}) {
  const host = new ShellHost({ HOME: folder, PATH: process.env["PATH"], ...environment });
  const checks = await checkSite(host, { ...cluster(parts), name: "here" }, request);
  return { host, named: new Map(checks.map((each) => [each.check, each])), checks };
}

function setup(...lines: string[]): string[] {
  const node = path.dirname(process.execPath);
  return [`PATH=${gridCommands()}:${node}:$PATH`, ...lines];
}

test("a machine that offers what is needed is found well, in one call, and left as it was", async () => {
  const { host, checks } = await check({ root: `${folder}/root`, setup: setup() });
  expect(checks.filter(({ status }) => status === "problem")).toEqual([]);
  expect(host.ran).toHaveLength(1);
  expect(readdirSync(folder).filter((name) => !name.startsWith("commands-"))).toEqual([
    "submitted",
  ]);
});

test("names with blanks, quotes and $(…) are taken as they are", async () => {
  const name = `it's "q" $(touch ${folder}/planted) \`touch ${folder}/planted\``;
  const { named } = await check({
    root: `${folder}/${name.replaceAll("/", "-")}`,
    setup: setup(),
    node: name,
    tensorflow: name,
    broker: { redisServer: name },
  });
  expect(named.get("node")?.message).toContain(name);
  expect(named.get("tensorflow")?.message).toContain(name);
  expect(readdirSync(folder)).not.toContain("planted");
});

test("a set-up line that fails is named, and those behind it are run all the same", async () => {
  const lines = setup("module load nodejs", "if", "true");
  const { checks } = await check({ setup: lines });
  const statuses = checks.filter((each) => each.check === "set-up").map(({ status }) => status);
  expect(statuses).toEqual(["ok", "problem", "problem", "ok"]);
});

test("a set-up line that ends the shell is named", async () => {
  const { checks } = await check({ setup: setup("exit 0", "true") });
  const messages = checks.filter((each) => each.check === "set-up").map(({ message }) => message);
  expect(messages.slice(1)).toEqual(["`exit 0` ended the shell", "`true` was not run"]);
});

test("what a login prints around it changes nothing", async () => {
  writeFileSync(path.join(folder, ".bash_profile"), "echo Welcome; echo '<x:begin:node>' >&2\n");
  const { checks } = await check({ setup: setup() });
  expect(checks.filter(({ status }) => status === "problem")).toEqual([]);
});

test("a profile that ends the shell is one clear problem", async () => {
  writeFileSync(path.join(folder, ".bash_profile"), "echo closed for repairs >&2; exit 1\n");
  const { checks } = await check({ setup: setup() });
  expect(checks).toMatchObject([
    { check: "shell", message: expect.stringContaining("closed for repairs") as unknown },
  ]);
});

test("a root below a file cannot be", async () => {
  writeFileSync(path.join(folder, "file"), "");
  const { named } = await check({ root: `${folder}/file/q`, setup: setup() });
  expect(named.get("root")).toMatchObject({ status: "problem" });
});

test("a request that no option of qsub can hold is a problem, and the rest is still checked", async () => {
  const { named } = await check({ setup: setup(), sge: { project: 'a"b' } });
  expect(named.get("request of a pilot")).toMatchObject({ status: "problem" });
  expect(named.get("node")).toMatchObject({ status: "ok" });
});
