import { existsSync, readFileSync, readlinkSync } from "node:fs";
import path from "node:path";
import type { ClusterLab, LabHost } from "./cluster-lab.ts";
import type { Laptop } from "./laptop.ts";

const EXECUTION_HOSTS: readonly LabHost[] = ["gpu1", "gpu2"];

/** Processes of the site's programs on the execution hosts whose command lines hold these words. */
export async function siteProcesses(
  lab: ClusterLab,
  { root }: Laptop,
  ...words: string[]
): Promise<number[]> {
  return (await runningPids(lab)).filter((pid) => {
    const line = commandLine(pid);
    const [program = ""] = line;
    if (!program.endsWith("node") || !line.some((word) => word.includes(root))) return false;
    return words.every((word) => line.some((one) => path.basename(one) === word));
  });
}

/** Those of the site's brokers on the execution hosts. */
export async function redisServers(lab: ClusterLab, { root }: Laptop): Promise<number[]> {
  return (await runningPids(lab)).filter((pid) => {
    const [program = ""] = commandLine(pid);
    return program.includes("redis-server") && workingDirectory(pid).startsWith(root);
  });
}

async function runningPids(lab: ClusterLab): Promise<number[]> {
  const pids: number[] = [];
  for (const host of EXECUTION_HOSTS) pids.push(...(await lab.pids(host)));
  return pids;
}

function commandLine(pid: number): string[] {
  const file = `/proc/${pid}/cmdline`;
  return existsSync(file) ? readFileSync(file, "utf8").split("\0") : [];
}

function workingDirectory(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return "";
  }
}
