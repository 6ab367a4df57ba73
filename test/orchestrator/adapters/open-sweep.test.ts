import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { sweepOpener } from "../../../orchestrator/adapters/open-sweep.ts";
import { rememberSweep } from "../../../orchestrator/adapters/sweep-registry.ts";
import { commandSites } from "../../rig/command-sites.ts";
import { LaunchedSweep } from "../../rig/launched-sweep.ts";

const openSweep = sweepOpener(commandSites());

let sweep: LaunchedSweep;
beforeEach(() => {
  sweep = new LaunchedSweep();
  vi.stubEnv("QSWEEP_STATE", path.join(sweep.root, "state"));
});
afterEach(() => {
  vi.unstubAllEnvs();
  sweep.dispose();
});

/** A site file whose root is the launched sweep's. */
function writeSite(): string {
  const file = path.join(sweep.root, "configs", "sites", "here.yaml");
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, "scheduler: local\nroot: ../..\n");
  return file;
}

/** A sweep file beside it. */
function writeSweep(text: string): string {
  writeSite();
  const file = path.join(sweep.root, "configs", "sweeps", "mine.yaml");
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
}

it("finds a launched sweep by its name", async () => {
  sweep.add({ id: "t000000000001" });
  rememberSweep("scenes", { file: writeSite() });
  const access = await openSweep("scenes");
  expect((await access.read()).plan.trials).toEqual(["t000000000001"]);
});

it("finds it by its file, which needs nothing but a name and a site", async () => {
  const access = await openSweep(
    writeSweep("name: scenes\nsite: here\ndataset: {root: /nowhere}\n"),
  );
  expect(access.trialDirectory("t1")).toBe(sweep.directory("t1"));
});

it("has no witnesses where no broker ever was", async () => {
  rememberSweep("scenes", { file: writeSite() });
  const access = await openSweep("scenes");
  expect(await access.witnesses()).toBeNull();
});

it("has none where nobody listens any more, and leaves nothing open", async () => {
  const broker = path.join(sweep.root, "broker");
  mkdirSync(path.join(broker, "1"), { recursive: true });
  writeFileSync(path.join(broker, "1.claim"), "");
  const address = { version: 1, generation: 1, host: "127.0.0.1", port: 1, password: "", pid: 1 };
  writeFileSync(path.join(broker, "1", "broker.json"), JSON.stringify(address));
  rememberSweep("scenes", { file: writeSite() });
  const access = await openSweep("scenes");
  expect(await access.witnesses()).toBeNull();
  await access.close();
});

const checkRefused = (
  title: string,
  { open, expected }: { open: () => string; expected: Record<string, unknown> },
) => {
  it(`refuses ${title}`, async () => {
    rememberSweep("scenes", { file: writeSite() });
    await expect(openSweep(open())).rejects.toMatchObject(expected);
  });
};

checkRefused("a mistyped name, with the nearest one", {
  open: () => "scene",
  expected: { reason: "sweep-unknown", message: expect.stringContaining('did you mean "scenes"?') },
});
checkRefused("a name that is a path elsewhere", {
  open: () => "../sweeps/scenes",
  expected: { reason: "sweep-unknown" },
});
checkRefused("a file that is not there", {
  open: () => "nowhere.yaml",
  expected: { reason: "sweep-unknown", message: expect.stringContaining("nowhere.yaml") },
});
checkRefused("a file of a sweep that was never launched", {
  open: () => writeSweep("name: other\nsite: here\n"),
  expected: { reason: "sweep-unknown", remedy: expect.stringContaining("qsweep launch") },
});
checkRefused("a file without a name, showing the place", {
  open: () => writeSweep("site: here\n"),
  expected: { reason: "sweep-invalid", message: expect.stringContaining("mine.yaml:1:1") },
});
