import type { Laptop } from "./laptop.ts";

/** Of the laptop's 96 pictures, 8 a batch. */
export const STEPS_PER_EPOCH = 12;

export interface TimedSweep {
  epochs: number;
  walltime?: string;
  /** A checkpoint is written this often, as a duration of a sweep file. */
  checkpoint?: string;
  seeds?: number[];
}

/** A sweep of small trials on the laptop's pictures, each seed's on a pilot of its own. */
export function timedSweep(sweep: TimedSweep): string {
  const { epochs, walltime = "00:30:00", checkpoint = "2s", seeds = [0] } = sweep;
  return `
train:
  epochs: ${epochs}
  batch_size: 8
  captions: one
  checkpoint: {every: ${checkpoint}}
  validate: {every_epochs: ${epochs}}
  decode: {num_beams: 1, max_new_tokens: 8}
seeds: ${JSON.stringify(seeds)}
arms:
  full: {model: MODEL, method: full, lr: 1e-4}
resources: {gpus: 1, slots: 1, walltime: "${walltime}"}
pilots: ${seeds.length}
`;
}

/** How fast this machine trains, so that a test can have trials that last. */
export class TrialPace {
  readonly #epochSeconds: number;

  private constructor(epochSeconds: number) {
    this.#epochSeconds = epochSeconds;
  }

  /** Runs a short trial for it. The fastest step counts: none that follow are much faster. */
  static async measure(laptop: Laptop): Promise<TrialPace> {
    laptop.writeSweep("pace", timedSweep({ epochs: 6 }));
    await laptop.json(["launch", "configs/sweeps/pace.yaml"]);
    await laptop.finished("pace");
    const events = laptop.trials("pace").flatMap((trial) => laptop.events("pace", trial).flat());
    const steps = events.flatMap((event) => (event.type === "step" ? [event.step_seconds] : []));
    return new TrialPace(STEPS_PER_EPOCH * Math.min(...steps));
  }

  /** Epochs of `timedSweep` that take this long at least, however busy the machine is. */
  epochsLasting(seconds: number): number {
    return Math.ceil(seconds / this.#epochSeconds);
  }
}
