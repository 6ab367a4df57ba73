import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { afterEach, expect, it } from "vitest";
import { TrialResult } from "../../worker/contract/trial-files.ts";
import { kill, LocalSite } from "../rig/local-site.ts";
import { waitFor } from "../rig/wait-for.ts";

/** Set it to repeat a run: the victims and moments follow from it. */
const SEED = Number(process.env["QSWEEP_CHAOS_SEED"] ?? Date.now() % 1_000_000);
const STEPS = 96;
const TRIALS = 4;

const SWEEP = `
objective: {metric: cider, split: val, mode: max}
train:
  epochs: 8
  batch_size: 8
  captions: one
  checkpoint: {every: 1s}
  decode: {num_beams: 1, max_new_tokens: 8}
seeds: [0, 1]
arms:
  full: {model: MODEL, method: full, lr: 1e-3}
  lora:
    model: MODEL
    method: lora
    lora: {r: 4, alpha: 16, dropout: 0.1, target_modules: [query, value]}
    lr: 1e-3
pilots: 2
`;

const VICTIMS = ["cli", "trainer", "pilot", "broker", "trainer", "pilot"] as const;

let site: LocalSite | null = null;

afterEach(async () => {
  await site?.dispose();
  site = null;
});

it("every trial has one result although trainer, pilot, CLI and Redis are killed", async () => {
  process.stdout.write(`chaos seed: ${SEED} (QSWEEP_CHAOS_SEED=${SEED} repeats it)\n`);
  const draw = generator(SEED);
  const at = (site = await LocalSite.create({ leaseSeconds: 4 }));
  const file = at.writeSweep("chaos", SWEEP.replaceAll("MODEL", at.model));
  const cli = at.start(["launch", file, "--watch"]);
  const victims = shuffled(VICTIMS, draw);
  for (const [index, victim] of victims.entries()) {
    // Moments are counted in steps trained, one at random in each stretch of the sweep.
    const moment = ((index + draw()) / (victims.length + 1)) * STEPS * TRIALS;
    await waitFor(`step ${Math.round(moment)}`, () => stepsTrained(at) >= moment);
    if (victim === "cli") cli.kill("SIGKILL");
    else kill(await waitFor(`a ${victim}`, () => pick(at.processes(victim), draw)));
  }
  cli.kill("SIGKILL");

  const trials = await waitFor("the sweep to finish, as status has it", async () => {
    const { status, stdout } = await at.run(["status", file, "--json"]);
    expect(status).toBe(0);
    const answer = JSON.parse(stdout) as { trials: { id: string; state: string }[] };
    expect(answer.trials.map(({ state }) => state)).not.toContain("failed");
    return answer.trials.every(({ state }) => state === "finished") && answer.trials;
  });
  expect(trials).toHaveLength(TRIALS);
  for (const { id } of trials) {
    checkResult(at, id);
    checkResumes(at, id);
  }
  await waitFor("pilots and broker to leave", () =>
    (["pilot", "keeper", "broker"] as const).every((kind) => at.processes(kind).length === 0),
  );
}, 400_000);

/** The result is that of exactly one attempt, and whole. */
function checkResult(at: LocalSite, trial: string): void {
  const directory = at.trialDirectory("chaos", trial);
  const text = readFileSync(path.join(directory, "result.json"), "utf8");
  const result = TrialResult.parse(JSON.parse(text));
  expect(result.steps).toBe(STEPS);
  expect(result.epochs.map(({ epoch }) => epoch)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  expect(existsSync(path.join(directory, result.best.checkpoint!, "manifest.json"))).toBe(true);
}

/** Each attempt goes on from the newest checkpoint that was complete when it started. */
function checkResumes(at: LocalSite, trial: string): void {
  let newest = 0;
  for (const { attempt, events } of at.events("chaos", trial)) {
    const started = events.find((event) => event.type === "started");
    if (!started) continue;
    // A kill may fall between a checkpoint and its line in events.jsonl: then it resumes later.
    expect(started.step, `attempt ${attempt} of ${trial}`).toBeGreaterThanOrEqual(newest);
    expect(started.resumed_from !== null).toBe(started.step > 0);
    for (const event of events) {
      if (event.type === "checkpoint") newest = Math.max(newest, event.step);
    }
  }
}

function stepsTrained(at: LocalSite): number {
  return at.trials("chaos").reduce((sum, trial) => {
    const steps = at
      .events("chaos", trial)
      .flatMap(({ events }) => events.map((event) => (event.type === "step" ? event.step : 0)));
    return sum + Math.max(0, ...steps);
  }, 0);
}

/** Numbers in [0, 1) that follow from the seed (mulberry32). */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function pick<T>(values: readonly T[], draw: () => number): T | null {
  return values[Math.floor(draw() * values.length)] ?? null;
}

function shuffled<T>(values: readonly T[], draw: () => number): T[] {
  return values
    .map((value) => ({ value, order: draw() }))
    .toSorted((a, b) => a.order - b.order)
    .map(({ value }) => value);
}
