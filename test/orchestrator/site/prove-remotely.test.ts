import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { proveRemotely } from "../../../orchestrator/site/prove-remotely.ts";
import { commandFolder } from "../../rig/command-folder.ts";
import { sampleText } from "../../rig/sge-samples.ts";
import { ShellHost } from "../../rig/shell-host.ts";
import { cluster } from "./cluster.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "prove-remotely-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const PROOF = JSON.stringify({
  version: 1,
  host: "gpu1",
  proofs: [{ proof: "engine", status: "ok", message: "TensorFlow 2.18.0" }],
});

/** Proves this machine with programs in the place of Grid Engine's; returns what was noted, too. */
async function prove(scripts: Record<string, string>) {
  const notes: string[] = [];
  const site = cluster({ setup: [`PATH=${commandFolder(folder, scripts)}:$PATH`] });
  const proof = await proveRemotely(new ShellHost(), {
    site,
    request: { gpus: 1, slots: 4, walltime: "12:00:00" },
    root: path.join(folder, "a root"),
    worker: "/worker",
    note: (line) => notes.push(line),
  });
  return { proof, notes };
}

function kept(name: string): string {
  const [token = ""] = readdirSync(path.join(folder, "a root", "proofs"));
  return readFileSync(path.join(folder, "a root", "proofs", token, name), "utf8");
}

test("the grid job asks for what pilots will, briefly, and its script and answer are kept", async () => {
  const { proof } = await prove({
    qsub: `echo "welcome"; echo 7.1-1:1; echo '${PROOF}' >"$(dirname "$2")/proof.json"`,
  });
  expect(proof).toEqual(JSON.parse(PROOF));
  const options = kept("script")
    .split("\n")
    .filter((line) => line.startsWith("#$"));
  expect(options).toEqual(
    expect.arrayContaining(["#$ -P ds598", "#$ -pe omp 4", "#$ -l gpus=1", "#$ -l h_rt=00:15:00"]),
  );
  expect(kept("out")).toBe("welcome\n7.1-1:1\n");
});

test("a refused submission says so in the scheduler's words", async () => {
  const said = sampleText("err-project.txt")
    .split("\n")
    .find((line) => line.startsWith("Unable"));
  await expect(prove({ qsub: `echo '${said}' >&2; exit 1` })).rejects.toMatchObject({
    reason: "scheduler-refused",
    message: expect.stringContaining('the requested project "nope" does not exist') as unknown,
  });
});

test("a grid job in the error state is deleted, and the scheduler's reason shown", async () => {
  const deleted = path.join(folder, "deleted");
  const samples = path.resolve("test/fixtures/sge-samples");
  const run = prove({
    qsub: "echo 42.1-1:1",
    qstat: `case "$1" in -xml) cat ${samples}/qstat-states-r.xml;; *) cat ${samples}/qstat-j-eqw-wd.txt;; esac`,
    qdel: `echo "$@" >${deleted}`,
  });
  await expect(run).rejects.toMatchObject({
    message: expect.stringMatching(/grid job 42 .*can't chdir to \/nonexistent/) as unknown,
  });
  expect(readFileSync(deleted, "utf8")).toBe("42\n");
});
