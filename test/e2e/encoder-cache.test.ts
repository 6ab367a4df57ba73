import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { TrialResult } from "../../worker/contract/trial-files.ts";
import { listedImages } from "../rig/listed-images.ts";
import { kill, LocalSite } from "../rig/local-site.ts";
import { waitFor } from "../rig/wait-for.ts";

const PHOTOS = path.resolve("../shared/photos");
const MODEL = path.resolve("configs/models/photos-blip");
const TRIALS = 6;

const SWEEP = `
train:
  epochs: 1
  batch_size: 16
  captions: one
  labels: pads_masked
  max_length: 24
  validate: {images: all}
  decode: {num_beams: 1, max_new_tokens: 8}
arms:
  lora:
    model: ${MODEL}
    init: random
    method: lora
    lora: {r: {grid: [4, 8, 16]}, alpha: 32, dropout: 0.1, target_modules: [query, value]}
    lr: {grid: [1e-3, 3e-3]}
pilots: 2
`;

const isMissing = process.env["CI"] !== "true" && !existsSync(PHOTOS);

// The photographs are no part of the repository; in CI they must be there.
describe.skipIf(isMissing)("six LoRA trials on photographs (skipped: no ../shared/photos)", () => {
  let site: LocalSite | null = null;
  afterEach(async () => {
    await site?.dispose();
    site = null;
  });

  it("encode each image once, though two pilots start together and one is killed", async () => {
    const at = (site = await LocalSite.create({ leaseSeconds: 4 }));
    const file = at.writeSweep("shared-encoder", SWEEP);
    const launch = ["launch", file, "--set", `dataset.root=${PHOTOS}`];
    expect((await at.run(launch)).status).toBe(0);
    // Both are at it, each with images of its own.
    await waitFor("two trials to encode", () => encodingTrials(at).length >= 2);
    kill(await waitFor("a pilot", () => at.processes("pilot")[0] ?? null));
    const results = await waitFor("a result of every trial", () => resultsOf(at), 600);
    const encoded = results.map(({ encoded_images }) => encoded_images ?? 0);
    expect(encoded.reduce((sum, count) => sum + count, 0)).toBe(await listedImages(PHOTOS));
  }, 900_000);
});

function encodingTrials(at: LocalSite): string[] {
  return at
    .trials("shared-encoder")
    .filter((trial) =>
      at
        .events("shared-encoder", trial)
        .some(({ events }) => events.some(({ type }) => type === "encoding")),
    );
}

/** Null until every trial has one. */
function resultsOf(at: LocalSite): TrialResult[] | null {
  const files = at
    .trials("shared-encoder")
    .map((trial) => path.join(at.trialDirectory("shared-encoder", trial), "result.json"));
  if (files.length < TRIALS || !files.every((one) => existsSync(one))) return null;
  return files.map((one) => TrialResult.parse(JSON.parse(readFileSync(one, "utf8"))));
}
