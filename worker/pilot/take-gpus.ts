import { execFile } from "node:child_process";
import { createServer, type Server } from "node:net";
import { hostname } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { Failure } from "../contract/failure.ts";
import { errorCode } from "../files/error-code.ts";
import { type GpuRequest, gpuSource, idleGpus } from "./gpu-rule.ts";

const NVIDIA_SMI = "nvidia-smi";
/** A former grid job may still be freeing the memory of its GPU. */
const TRIES = 12;
const SECONDS_BETWEEN_TRIES = 10;
const ANSWER_MILLISECONDS = 60_000;
/** An abstract name fills its field, so that versions of Node that pad it agree. */
const SOCKET_NAME_BYTES = 107;

/** The GPUs that a pilot's trainers use. */
export interface TakenGpus {
  /** Value for CUDA_VISIBLE_DEVICES; empty for none. */
  devices: string;
  /** Lets other pilots of this machine have them; the end of the process does so too. */
  release(): void;
}

export interface GpuMachine {
  environment: Readonly<Record<string, string | undefined>>;
  /** What `nvidia-smi` prints when called with these words. */
  nvidiaSmi(words: readonly string[]): Promise<string>;
  wait(seconds: number): Promise<void>;
}

const thisMachine: GpuMachine = {
  environment: process.env,
  nvidiaSmi,
  wait: (seconds) => delay(seconds * 1000),
};

/**
 * Finds a pilot its GPUs, by `gpuSource`. Idle ones are taken so that no other pilot of the machine
 * takes them, of whichever user. Throws Failure `gpu-unknown` when there are not enough.
 */
export async function takeGpus(
  request: GpuRequest,
  machine: GpuMachine = thisMachine,
): Promise<TakenGpus> {
  const source = gpuSource(request, machine.environment);
  if (source.kind === "none") return { devices: "", release: () => {} };
  if (source.kind === "given") return { devices: source.devices, release: () => {} };
  for (let attempt = 1; ; attempt += 1) {
    const taken = await takeIdle(request.count, machine);
    if (taken) return taken;
    if (attempt === TRIES) break;
    await machine.wait(SECONDS_BETWEEN_TRIES);
  }
  throw new Failure({
    reason: "gpu-unknown",
    message: `${request.count} GPU asked for, and not as many are idle on ${hostname()}`,
    remedy: "See nvidia-smi there: a process outside the scheduler may be on them.",
  });
}

async function takeIdle(count: number, machine: GpuMachine): Promise<TakenGpus | null> {
  const format = "--format=csv,noheader,nounits";
  const gpus = await machine.nvidiaSmi(["--query-gpu=uuid,memory.used", format]);
  const computing = await machine.nvidiaSmi(["--query-compute-apps=gpu_uuid", format]);
  const locks: Server[] = [];
  const release = (): void => locks.forEach((lock) => lock.close());
  const taken: string[] = [];
  for (const uuid of idleGpus(gpus, computing)) {
    if (taken.length === count) break;
    const lock = await lockOf(uuid);
    if (lock === null) continue;
    locks.push(lock);
    taken.push(uuid);
  }
  if (taken.length === count) return { devices: taken.join(","), release };
  release();
  return null;
}

/**
 * A lock on one GPU of this machine, or null if another process has it. It is a name in Linux's
 * abstract socket space: the kernel frees it with its process, so that none is ever stale.
 */
async function lockOf(uuid: string): Promise<Server | null> {
  const lock = createServer((connection) => connection.destroy()).unref();
  const name = `qsweep-gpu-${uuid}`.padEnd(SOCKET_NAME_BYTES, "-");
  return new Promise((resolve, reject) => {
    lock.on("error", (error) => {
      if (errorCode(error) === "EADDRINUSE") resolve(null);
      else reject(error);
    });
    lock.listen({ path: `\0${name}` }, () => resolve(lock));
  });
}

function nvidiaSmi(words: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(NVIDIA_SMI, words, { timeout: ANSWER_MILLISECONDS }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(noAnswer(stderr.trim().split("\n")[0] || error.message));
    });
  });
}

function noAnswer(problem: string): Failure {
  return new Failure({
    reason: "gpu-unknown",
    message: `GPUs were asked for, and nvidia-smi does not say which are idle: ${problem}`,
    remedy: "Set sge.gpu_rule of the site to environment, or to none to train without.",
  });
}
