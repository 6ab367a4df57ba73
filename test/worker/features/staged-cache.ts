import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { FeatureIdentity } from "../../../worker/contract/feature-files.ts";
import { attemptPaths, claimAttempt } from "../../../worker/files/trial-directory.ts";
import type { FeatureClock } from "../../../worker/features/chunk-claim.ts";
import type { FillHooks } from "../../../worker/features/chunk-filler.ts";
import { EncoderCache, type EncoderCacheOptions } from "../../../worker/features/encoder-cache.ts";
import { featureKey } from "../../../worker/features/feature-layout.ts";
import {
  featurePaths,
  type FeaturePaths,
  featuresDirectory,
} from "../../../worker/files/feature-directory.ts";
import { temporaryFolder } from "../data/temporary-folder.ts";

export const IDENTITY: FeatureIdentity = {
  model: "0123",
  init: "pretrained",
  seed: null,
  precision: "half",
  engine: "native",
  tensorflow: "2.18.0",
  device: "CPU",
};
export const SHAPE = [2, 3] as const;

/** Names as images have them, in ascending order of their numbers only by chance. */
export function imageIds(count: number, from = 0): string[] {
  return Array.from({ length: count }, (_, index) =>
    sha256(`image ${from + index}`).toString("hex"),
  );
}

/** Features that can be told from any other image's, and that halves do not hold exactly. */
export function featuresOf(id: string): Float32Array {
  const bytes = sha256(`features of ${id}`);
  return Float32Array.from({ length: 6 }, (_, index) => bytes.readInt32LE(4 * index) / 2 ** 31);
}

type StagedHooks = Partial<Omit<FillHooks, "encode">> & {
  encode?: (id: string) => Promise<Float32Array>;
};

/** A clock that only moves when somebody waits or a test moves it. */
export class StagedClock implements FeatureClock {
  seconds = 0;
  waits = 0;
  /** Done at each wait, before the time passes. */
  onWait: () => void | Promise<void> = () => {};

  monotonicSeconds(): number {
    return this.seconds;
  }

  async wait(seconds: number): Promise<void> {
    this.waits += 1;
    await this.onWait();
    await new Promise(setImmediate);
    this.seconds += seconds;
  }
}

/** A site's features in a folder of their own, and trials that use them. */
export class StagedFeatures {
  readonly root: string;
  readonly directory: string;
  /** Images that anybody encoded, in order. */
  readonly encoded: string[] = [];
  readonly damaged: string[] = [];

  private constructor(root: string) {
    this.root = root;
    this.directory = featuresDirectory(root);
  }

  static async make(): Promise<StagedFeatures> {
    return new StagedFeatures(await temporaryFolder());
  }

  /** The directory of a trial that was given to a pilot so many times. */
  trial(name: string, attempts = 1): string {
    const directory = path.join(this.root, "trials", name);
    mkdirSync(directory, { recursive: true });
    for (let attempt = 1; attempt <= attempts; attempt += 1) {
      claimAttempt(directory, attempt, "pilot");
      mkdirSync(attemptPaths(directory, attempt).directory, { recursive: true });
    }
    return directory;
  }

  /** What a pilot writes about an attempt of it that was killed. */
  end(name: string, attempt = 1): void {
    const failure = { reason: "trainer-killed", message: "", retryable: true };
    const exit = { version: 1, outcome: "failed", step: 0, failure };
    writeFileSync(attemptPaths(this.trial(name), attempt).exit, JSON.stringify(exit));
  }

  open(
    trial: string,
    { attempt = 1, ...options }: Partial<EncoderCacheOptions> & { attempt?: number } = {},
  ): Promise<EncoderCache> {
    return EncoderCache.open({
      directory: this.directory,
      identity: IDENTITY,
      shape: SHAPE,
      limitBytes: 2 ** 30,
      patienceSeconds: Infinity,
      reader: { trial, attempt, trialDirectory: this.trial(trial, attempt) },
      onDamaged: (problem) => this.damaged.push(problem),
      clock: new StagedClock(),
      ...options,
    });
  }

  /** Of images that are encoded one at a time, unless said otherwise. */
  hooks({ encode, ...hooks }: StagedHooks = {}): FillHooks {
    const encodeOne = async (id: string): Promise<Float32Array> => {
      this.encoded.push(id);
      return featuresOf(id);
    };
    return {
      atOnce: 1,
      encode: async (ids) => {
        const made: Float32Array[] = [];
        for (const id of ids) made.push(await (encode ?? encodeOne)(id));
        return made;
      },
      stopped: () => {},
      onImage: () => {},
      ...hooks,
    };
  }

  paths(identity: FeatureIdentity = IDENTITY): FeaturePaths {
    return featurePaths(this.directory, featureKey(identity));
  }
}

function sha256(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
