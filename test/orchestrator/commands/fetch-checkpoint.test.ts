import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Writable } from "node:stream";
import { afterEach, beforeEach, expect, it } from "vitest";
import { LocalSweepAccess } from "../../../orchestrator/adapters/local-sweep-access.ts";
import { fetchCheckpoint } from "../../../orchestrator/commands/fetch-checkpoint.ts";
import type { SweepAccess, TrialFile } from "../../../orchestrator/ports/sweep-access.ts";
import { LaunchedSweep } from "../../rig/launched-sweep.ts";

const TRIAL = "t000000000001";
const CHECKPOINT = "attempts/1/checkpoints/best-step-20";
const FILES = { "model.safetensors": "weights".repeat(100), "config.json": "{}", empty: "" };

let sweep: LaunchedSweep;
let target: string;
beforeEach(() => {
  sweep = new LaunchedSweep();
  sweep.add({ id: TRIAL });
  target = path.join(sweep.root, "here");
  writeCheckpoint(FILES);
});
afterEach(() => sweep.dispose());

function checkpointFile(name: string): string {
  return path.join(sweep.directory(TRIAL), CHECKPOINT, name);
}

function writeCheckpoint(contents: Record<string, string>): void {
  mkdirSync(checkpointFile("."), { recursive: true });
  const files = Object.fromEntries(
    Object.entries(contents).map(([name, text]) => {
      if (path.basename(name) === name) writeFileSync(checkpointFile(name), text);
      const sha256 = createHash("sha256").update(text).digest("hex");
      return [name, { bytes: Buffer.byteLength(text), sha256 }];
    }),
  );
  const manifest = {
    version: 1,
    trial: TRIAL,
    attempt: 1,
    engine: { engine: "cpu", tensorflow: null, device: "cpu", library: null, threads: 1 },
    kind: "weights",
    step: 20,
    epoch: 1,
    step_in_epoch: 0,
    loss_sum: 0,
    epochs: [],
    best: null,
    files,
  };
  writeFileSync(checkpointFile("manifest.json"), JSON.stringify(manifest));
}

/** The sweep on this machine, noting what is sent. */
class CountedAccess extends LocalSweepAccess {
  readonly asked: { path: string; offset: number }[] = [];

  override async download(file: TrialFile, to: Writable): Promise<void> {
    this.asked.push({ path: path.basename(file.path), offset: file.offset });
    return super.download(file, to);
  }
}

async function fetch(access: SweepAccess = new LocalSweepAccess(sweep.root, "scenes")) {
  const progress: number[] = [];
  const checkpoint = { access, trial: TRIAL, checkpoint: CHECKPOINT, directory: target };
  await fetchCheckpoint({ ...checkpoint, onProgress: ({ bytes }) => progress.push(bytes) });
  return progress;
}

function isHere(): void {
  expect(readdirSync(target).toSorted()).toEqual(
    [...Object.keys(FILES), "manifest.json"].toSorted(),
  );
  for (const [name, text] of Object.entries(FILES)) {
    expect(readFileSync(path.join(target, name), "utf8")).toBe(text);
  }
}

it("brings every file, and the manifest after all others", async () => {
  const progress = await fetch();
  isHere();
  expect(progress.at(-1)).toBe(702);
});

it("takes up an interrupted file where it stopped", async () => {
  mkdirSync(target);
  writeFileSync(path.join(target, "model.safetensors.part"), "weights".repeat(40));
  const access = new CountedAccess(sweep.root, "scenes");
  await fetch(access);
  isHere();
  expect(access.asked).toContainEqual({ path: "model.safetensors", offset: 280 });
});

it("sends nothing again that is here", async () => {
  await fetch();
  const access = new CountedAccess(sweep.root, "scenes");
  await fetch(access);
  expect(access.asked.map((file) => file.path)).toEqual(["manifest.json"]);
});

it("refuses a file that arrives damaged, and fetches it anew the next time", async () => {
  const damage = checkpointFile("model.safetensors");
  writeFileSync(damage, "WEIGHTS".repeat(100));
  await expect(fetch()).rejects.toMatchObject({
    reason: "file-invalid",
    message: expect.stringContaining("model.safetensors arrived damaged"),
  });
  expect(existsSync(path.join(target, "manifest.json"))).toBe(false);
  writeFileSync(damage, FILES["model.safetensors"]);
  await fetch();
  isHere();
});

it("writes nothing outside the folder, whatever a manifest says", async () => {
  writeCheckpoint({ "../../planted": "x" });
  await expect(fetch()).rejects.toMatchObject({ reason: "file-invalid" });
  expect(existsSync(path.join(sweep.root, "planted"))).toBe(false);
});
