import { z } from "zod";
import { Failure } from "../contract/failure.ts";

export const GpuRule = z.enum(["auto", "environment", "nvidia-smi", "none"]);
export type GpuRule = z.infer<typeof GpuRule>;

/** What a pilot was submitted with. */
export interface GpuRequest {
  rule: GpuRule;
  /** How many it asked for. */
  count: number;
}

/** How a pilot comes by its GPUs. */
export type GpuSource =
  /** It trains without any, whatever the machine has. */
  | { kind: "none" }
  /** The scheduler or the site gave these: a value for CUDA_VISIBLE_DEVICES. */
  | { kind: "given"; devices: string }
  /** Nobody says which: idle ones are to be found and taken. */
  | { kind: "idle" };

/** Where flavours of Grid Engine name the GPUs of a task, as `0 1` or `cuda0 cuda1`. */
const SCHEDULER_VARIABLES = ["SGE_HGR_gpu", "SGE_HGR_gpus", "SGE_HGR_gpu_card", "SGE_HGR_gpu_dev"];

/**
 * Decides where the GPUs come from: the scheduler's word, then the site's, then a look at which are
 * idle. Never a guess: where the environment is to say and does not, Failure `gpu-unknown`.
 */
export function gpuSource(
  { rule, count }: GpuRequest,
  environment: Readonly<Record<string, string | undefined>>,
): GpuSource {
  if (rule === "none" || count === 0) return { kind: "none" };
  if (rule === "nvidia-smi") return { kind: "idle" };
  for (const variable of SCHEDULER_VARIABLES) {
    const devices = environment[variable]?.match(/\d+/g)?.join(",");
    if (devices !== undefined) return { kind: "given", devices };
  }
  const devices = environment["CUDA_VISIBLE_DEVICES"];
  if (devices !== undefined && isSome(devices)) return { kind: "given", devices };
  if (devices === undefined && rule === "auto") return { kind: "idle" };
  throw new Failure({
    reason: "gpu-unknown",
    message:
      devices === undefined
        ? `${count} GPU asked for, and neither SGE_HGR_* nor CUDA_VISIBLE_DEVICES says which`
        : `${count} GPU asked for, and CUDA_VISIBLE_DEVICES=${devices} gives none`,
    remedy: "Set sge.gpu_rule of the site: nvidia-smi to look for idle ones, none for no GPU.",
  });
}

/** CUDA takes an empty value, and a leading number below zero, as no device at all. */
function isSome(devices: string): boolean {
  return /^\s*(\d|GPU-|MIG-)/.test(devices);
}

/** What `nvidia-smi` says of one GPU. */
export interface SeenGpu {
  uuid: string;
  usedMebibytes: number;
}

/** A driver keeps some memory of an idle GPU for itself. */
const IDLE_MEBIBYTES = 1024;

/**
 * The GPUs nobody computes on, given the answers of
 * `nvidia-smi --query-gpu=uuid,memory.used --format=csv,noheader,nounits` and
 * `nvidia-smi --query-compute-apps=gpu_uuid --format=csv,noheader`. Memory is looked at as well:
 * in a container the processes of others are not listed.
 */
export function idleGpus(gpus: string, computing: string): string[] {
  const busy = new Set(lines(computing));
  return lines(gpus).flatMap((line) => {
    const { uuid, usedMebibytes } = seenGpu(line);
    return busy.has(uuid) || usedMebibytes > IDLE_MEBIBYTES ? [] : [uuid];
  });
}

function seenGpu(line: string): SeenGpu {
  const match = /^(GPU-[\w-]+), (\d+)$/.exec(line);
  if (match) return { uuid: match[1] ?? "", usedMebibytes: Number(match[2]) };
  throw new Failure({
    reason: "gpu-unknown",
    message: `nvidia-smi said of a GPU: ${line}`,
    remedy: "Set sge.gpu_rule of the site to environment or none.",
  });
}

function lines(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}
