import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, open, readdir, rename, rm } from "node:fs/promises";
import path from "node:path";
import { Failure } from "../contract/failure.ts";
import { syncDirectory } from "../files/durable-write.ts";
import { errorCode } from "../files/error-code.ts";
import { holdsAdapter } from "../model/adapter-files.ts";
import { loadCaptioner } from "../model/blip-captioner.ts";
import { loadEngine } from "../tensor/backend.ts";
import type { CommandOutput, Report } from "./command-report.ts";
import { engineLine } from "./engine-process.ts";

interface MergeOptions {
  base: string;
  adapter: string;
  /** A folder that does not exist yet. */
  out: string;
}

/**
 * Writes a model with an adapter worked into its weights as a whole model folder: it is there whole
 * or not at all. Throws Failure `usage`, `disk-full`, or what loading either of the two throws.
 */
export async function mergeAdapter(
  { base, adapter, out }: MergeOptions,
  { progress }: CommandOutput,
): Promise<Report> {
  const directory = path.resolve(out);
  if (existsSync(directory)) throw misused(`${out} exists already`, "name a folder that does not");
  if (!holdsAdapter(adapter)) {
    throw misused(`${adapter} holds no adapter`, "give a folder as PEFT writes it");
  }
  progress(engineLine(await loadEngine()));
  const captioner = await loadCaptioner({
    directory: base,
    init: "pretrained",
    seed: 0,
    method: "untuned",
    trainedFrom: adapter,
  });
  try {
    const files = await writeWhole(directory, (temporary) => captioner.save(temporary));
    return { value: { directory, files }, lines: [`wrote ${directory}: ${files.join(", ")}`] };
  } finally {
    captioner.dispose();
  }
}

/** Fills a folder under another name beside it, syncs it, and renames it. */
async function writeWhole<T>(
  directory: string,
  fill: (temporary: string) => Promise<T>,
): Promise<T> {
  const parent = path.dirname(directory);
  const name = `.${path.basename(directory)}.${randomBytes(4).toString("hex")}`;
  const temporary = path.join(parent, name);
  try {
    await mkdir(temporary, { recursive: true });
    const filled = await fill(temporary);
    for (const file of await readdir(temporary)) await sync(path.join(temporary, file));
    syncDirectory(temporary);
    await rename(temporary, directory);
    syncDirectory(parent);
    return filled;
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    const code = errorCode(error);
    if (!(error instanceof Error) || code === undefined) throw error;
    throw new Failure({
      reason: code === "ENOSPC" || code === "EDQUOT" ? "disk-full" : "file-invalid",
      message: `${directory} could not be written: ${error.message}`,
      remedy: "name a folder of yours on a disk with room for the whole model",
      cause: error,
    });
  }
}

async function sync(file: string): Promise<void> {
  const handle = await open(file, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function misused(message: string, remedy: string): Failure {
  return new Failure({ reason: "usage", message, remedy });
}
