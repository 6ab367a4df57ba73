import { writeFile } from "node:fs/promises";
import path from "node:path";
import { writeCheckpoint, type WriteCheckpointOptions } from "../../../worker/train/checkpoint.ts";

type ManifestFields = WriteCheckpointOptions["manifest"];

/** A checkpoint's manifest as its writer gives it. */
export function manifestFields(changes: Partial<ManifestFields> = {}): ManifestFields {
  return {
    trial: "t0123456789ab",
    attempt: 1,
    engine: { engine: "cpu", tensorflow: null, device: "cpu", library: null, threads: 1 },
    kind: "resumable",
    step: 0,
    epoch: 0,
    step_in_epoch: 0,
    loss_sum: 0,
    epochs: [],
    best: null,
    ...changes,
  };
}

/** Paths relative to a trial directory. */
export const bestPath = (attempt: number, step: number): string =>
  `attempts/${attempt}/checkpoints/best-step-${step}`;
export const lastPath = (attempt: number, step: number): string =>
  `attempts/${attempt}/checkpoints/step-${step}`;

/** Writes the checkpoint of such a path; its kind and step are those of the name. */
export async function plantCheckpoint(
  trialDirectory: string,
  relative: string,
  changes: Partial<ManifestFields> = {},
): Promise<void> {
  const name = path.basename(relative);
  const parent = path.join(trialDirectory, path.dirname(relative));
  const step = Number(/\d+/.exec(name)![0]);
  const kind = name.startsWith("best") ? "weights" : "resumable";
  const manifest = manifestFields({ step, kind, ...changes });
  const fill = (directory: string) => writeFile(path.join(directory, "weights"), name);
  await writeCheckpoint({ parent, name, manifest, fill });
}
