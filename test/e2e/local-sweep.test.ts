import { statSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { attemptNumbers } from "../../worker/files/trial-directory.ts";
import { generationPaths, newestBroker } from "../../worker/queue/broker-address.ts";
import { LocalSite } from "../rig/local-site.ts";
import { waitFor } from "../rig/wait-for.ts";

const TRAIN = `
objective: {metric: cider, split: val, mode: max}
train:
  epochs: 3
  batch_size: 8
  captions: one
  checkpoint: {every: 1s}
  decode: {num_beams: 1, max_new_tokens: 8}
`;

interface Status {
  trials: { id: string; arm: string; state: string; step: number | null }[];
}

let site: LocalSite;

beforeEach(async () => {
  site = await LocalSite.create({ leaseSeconds: 4 });
});

afterEach(() => site.dispose());

async function status(file: string): Promise<Status> {
  const { stdout } = await site.run(["status", file, "--json"]);
  return JSON.parse(stdout) as Status;
}

function settled(file: string, states: readonly string[]): Promise<Status> {
  return waitFor(`every trial to be ${states.join(" or ")}`, async () => {
    const now = await status(file);
    return now.trials.every(({ state }) => states.includes(state)) && now;
  });
}

describe("a sweep on this machine", () => {
  it("is stopped with checkpoints, goes on where it was, and is not trained twice", async () => {
    const arms = `arms:\n  full: {model: ${site.model}, method: full, lr: 1e-3}\npilots: 1\n`;
    const file = site.writeSweep("pause", TRAIN + arms);
    expect((await site.run(["launch", file])).status).toBe(0);
    const [trial = ""] = site.trials("pause");
    await waitFor("a checkpoint", () =>
      site
        .events("pause", trial)
        .some(({ events }) => events.some(({ type }) => type === "checkpoint")),
    );
    expect((await site.run(["stop", file])).status).toBe(0);
    await settled(file, ["stopped"]);
    await waitFor("the pilot and the broker to leave", () =>
      (["pilot", "broker"] as const).every((kind) => site.processes(kind).length === 0),
    );
    expect((await site.run(["launch", file])).status).toBe(0);
    await settled(file, ["finished"]);
    const resumed = site.events("pause", trial)[1]!.events.find(({ type }) => type === "started");
    expect(resumed).toMatchObject({ type: "started", resumed_from: expect.stringContaining("1/") });

    const again = await site.run(["launch", file, "--json"]);
    expect(JSON.parse(again.stdout)).toMatchObject({ unsettled: 0, pilots: { submitted: 0 } });
    expect(attemptNumbers(site.trialDirectory("pause", trial))).toEqual([1, 2]);
    const best = JSON.parse((await site.run(["best", file, "--json"])).stdout) as {
      best: { trial: string; checkpoint: string; metrics: { cider: number } };
    };
    expect(best.best.trial).toBe(trial);
    expect(statSync(path.join(best.best.checkpoint, "model.safetensors")).size).toBeGreaterThan(0);
  }, 180_000);

  it("fails a trial whose loss is not a number by that name, and finishes the others", async () => {
    const arms = `arms:
  full: {model: ${site.model}, method: full, lr: {grid: [1e-3, 1e+30]}}
pilots: 2
`;
    const file = site.writeSweep("diverge", TRAIN + arms);
    expect((await site.run(["launch", file])).status).toBe(0);
    const { trials } = await settled(file, ["finished", "failed"]);
    expect(trials.map(({ state }) => state).toSorted()).toEqual(["failed", "finished"]);
    const { stdout } = await site.run(["status", file]);
    expect(stdout).toContain("nan-loss");
  }, 180_000);

  it("keeps its broker's password in files of mode 0600 and out of every command line", async () => {
    const arms = `arms:\n  full: {model: ${site.model}, method: full, lr: 1e-3}\npilots: 1\n`;
    const file = site.writeSweep("secret", TRAIN + arms);
    await site.run(["launch", file]);
    const { address, configuration } = generationPaths(site.root, 1);
    expect([address, configuration].map((name) => statSync(name).mode & 0o777)).toEqual([
      0o600, 0o600,
    ]);
    const { password } = newestBroker(site.root)!;
    expect(site.commandLines().filter((line) => line.includes(password))).toEqual([]);
  }, 60_000);
});
