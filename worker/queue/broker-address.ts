import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { BrokerAddress } from "../contract/trial-files.ts";

export interface GenerationPaths {
  directory: string;
  claim: string;
  address: string;
  configuration: string;
  log: string;
  /** Redis's append-only file, for one that we start. */
  data: string;
}

/** `<root>/broker`: one directory per start of a site's broker. */
export function brokerDirectory(root: string): string {
  return path.join(root, "broker");
}

export function generationPaths(root: string, generation: number): GenerationPaths {
  const directory = path.join(brokerDirectory(root), String(generation));
  return {
    directory,
    claim: `${directory}.claim`,
    address: path.join(directory, "broker.json"),
    configuration: path.join(directory, "redis.conf"),
    log: path.join(directory, "redis.log"),
    data: path.join(directory, "data"),
  };
}

/** Generations that somebody claimed, ascending. */
export function claimedGenerations(root: string): number[] {
  const directory = brokerDirectory(root);
  if (!existsSync(directory)) return [];
  return readdirSync(directory)
    .flatMap((name) => /^(\d+)\.claim$/.exec(name)?.[1] ?? [])
    .map(Number)
    .toSorted((a, b) => a - b);
}

/** Whether a broker of a later generation came up; asked often, so no address is read for it. */
export function isSucceeded(root: string, generation: number): boolean {
  return claimedGenerations(root).some(
    (later) => later > generation && existsSync(generationPaths(root, later).address),
  );
}

/** Where the newest broker that came up listens, or null where none ever did. */
export function newestBroker(root: string): BrokerAddress | null {
  for (const generation of claimedGenerations(root).toReversed()) {
    const { address } = generationPaths(root, generation);
    if (existsSync(address)) return BrokerAddress.parse(JSON.parse(readFileSync(address, "utf8")));
  }
  return null;
}
