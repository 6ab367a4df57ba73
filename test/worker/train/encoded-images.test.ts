import { rmSync } from "node:fs";
import { mkdtemp, readdir } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { FeatureSettings } from "../../../worker/contract/feature-files.ts";
import type { TrialEvent } from "../../../worker/contract/trial-event.ts";
import type { TrialSpec } from "../../../worker/contract/trial-spec.ts";
import { fileDigest } from "../../../worker/files/file-digest.ts";
import {
  endOf,
  makeTinySetting,
  newTrialDirectory,
  readEvents,
  readResult,
  runTinyAttempt,
  tinySpec,
  type TinySetting,
} from "./tiny-trial.ts";

/** Of the setting: those without captions are not looked at. */
const TRAINING_IMAGES = 5;

let setting: TinySetting;
let features: FeatureSettings;
let images: number;
beforeAll(async () => {
  setting = await makeTinySetting();
  images = await distinctImages();
});
afterAll(() => setting.dispose());
beforeEach(async () => {
  const directory = await mkdtemp(path.join(setting.root, "features-"));
  features = { directory, limit_bytes: 1e9, patience_seconds: 60 };
});

/** Pictures of one colour and size have one content. */
async function distinctImages(): Promise<number> {
  const digests = new Set<string>();
  for (const split of ["train", "val"]) {
    const folder = path.join(setting.dataset, split);
    for (const name of await readdir(folder)) {
      // The fourth training picture has no caption.
      if (name !== "train_3.png") digests.add(await fileDigest(path.join(folder, name)));
    }
  }
  return digests.size;
}

const loraSpec = (encoderCache: "half" | "float" | "off" = "half"): Promise<TrialSpec> =>
  tinySpec(setting, "lora", { encoderCache });

/** Runs a trial to its end, and tells all that has to be the same bit for bit. */
async function ended(spec: TrialSpec, where: FeatureSettings | undefined = features) {
  const trialDirectory = await newTrialDirectory(setting);
  const exit = await runTinyAttempt(spec, {
    trialDirectory,
    attempt: 1,
    ...(where && { features: where }),
  });
  expect(exit).toMatchObject({ outcome: "finished" });
  return {
    end: await endOf(trialDirectory, [1]),
    result: await readResult(trialDirectory, 1),
    events: await readEvents(trialDirectory, 1),
  };
}

function encodedEvent(events: TrialEvent[]) {
  const found = events.find(({ type }) => type === "encoded");
  if (found?.type !== "encoded") throw new Error("no event tells how the cache is used");
  return found;
}

describe("the encoder cache of a LoRA trial", () => {
  it("holds each image of both splits once, for the trials that follow", async () => {
    const spec = await loraSpec();
    const first = await ended(spec);
    const second = await ended({ ...spec, id: "tffffffffffff", seed: 6 });
    expect(first.result.images["train"]).toBe(TRAINING_IMAGES);
    expect(first.result.encoded_images).toBe(images);
    expect(second.result.encoded_images).toBe(0);
    expect(encodedEvent(second.events)).toMatchObject({ images, stored: images, unused: null });
  });

  it.each(["half", "float"] as const)(
    "changes no bit, %s: filled, found, vanished, full and absent",
    async (encoderCache) => {
      const spec = await loraSpec(encoderCache);
      const { end } = await ended(spec);
      expect((await ended(spec)).end).toEqual(end);
      const full = { ...features, directory: `${features.directory}-full`, limit_bytes: 0 };
      const refused = await ended(spec, full);
      expect(refused.end).toEqual(end);
      expect(encodedEvent(refused.events)).toMatchObject({ stored: 0, encoded: 0 });
      expect(encodedEvent(refused.events).unused).toContain("room");
      const trialDirectory = await newTrialDirectory(setting);
      await runTinyAttempt(spec, {
        trialDirectory,
        attempt: 1,
        features,
        onEvent: ({ type }) => {
          if (type === "step") rmSync(features.directory, { recursive: true, force: true });
        },
      });
      expect(await endOf(trialDirectory, [1])).toEqual(end);
    },
  );

  it("goes on from what an attempt stored that was stopped while it encoded", async () => {
    const spec = await loraSpec();
    const { end } = await ended(spec, { ...features, directory: `${features.directory}-other` });
    const trialDirectory = await newTrialDirectory(setting);
    const stopAfter = (event: TrialEvent) =>
      event.type === "encoding" && event.done === 3 ? "stop" : null;
    const stopped = await runTinyAttempt(spec, {
      trialDirectory,
      attempt: 1,
      features,
      stopAfter,
    });
    expect(stopped).toEqual({ version: 1, outcome: "handed-back", step: 0, why: "stop" });
    await runTinyAttempt(spec, { trialDirectory, attempt: 2, features });
    expect(await endOf(trialDirectory, [2])).toEqual(end);
    expect((await readResult(trialDirectory, 2)).encoded_images).toBe(images);
  });

  it("rounds to halves what float keeps, and float keeps what no cache has", async () => {
    const losses = async (mode: "half" | "float" | "off") =>
      Object.values((await ended(await loraSpec(mode))).end.losses);
    const [half, float, off] = [await losses("half"), await losses("float"), await losses("off")];
    for (const [index, loss] of off.entries()) {
      expect(Math.abs(float[index]! - loss)).toBeLessThan(1e-4);
      expect(Math.abs(half[index]! - loss)).toBeLessThan(1e-2);
    }
    expect(half).not.toEqual(float);
  });

  it.each([
    ["with encoder_cache: off", { encoderCache: "off" as const }],
    ["where the encoder is trained too", { encoderCache: "half" as const, targets: ["qkv"] }],
  ])("is not used %s", async (_, changes) => {
    const { result, events } = await ended(await tinySpec(setting, "lora", changes));
    expect(result.encoded_images).toBeUndefined();
    expect(events.map(({ type }) => type)).not.toContain("encoded");
    expect(await readdir(features.directory)).toEqual([]);
  });
});
