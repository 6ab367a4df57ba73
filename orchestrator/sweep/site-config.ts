import { z } from "zod";
import { checkSchema } from "./check-schema.ts";
import type { Diagnostic } from "./diagnostic.ts";
import { Duration, durationSeconds } from "./parameters.ts";
import { placed } from "./problem.ts";
import { readYaml } from "./read-yaml.ts";
import type { SourceText } from "./source-text.ts";

const SiteFile = z.strictObject({
  scheduler: z.literal("local").describe("Who runs the pilots; local: this machine."),
  root: z.string().min(1).describe("Where sweeps are kept; relative to this file."),
  lease: Duration.default("15s").describe("Silence after which a trial may go to another pilot."),
  pilots: z
    .strictObject({ max: z.number().int().positive().default(16) })
    .default({ max: 16 })
    .describe("Limits on the pilots of one pool."),
  broker: z
    .strictObject({
      redis_server: z
        .string()
        .min(1)
        .optional()
        .describe("The redis-server to start; otherwise one is looked for."),
    })
    .default({}),
});

/** A site as its file describes it; `root` is still relative to the file. */
export interface SiteConfig {
  scheduler: "local";
  root: string;
  leaseSeconds: number;
  maxPilots: number;
  redisServer?: string;
}

/** Reads a site file's text: its settings, or every problem found. */
export function readSite(
  source: SourceText,
): { site: SiteConfig; diagnostics: [] } | { site: null; diagnostics: Diagnostic[] } {
  const { root, diagnostics } = readYaml(source);
  if (!root) return { site: null, diagnostics };
  const { value, problems } = checkSchema(SiteFile, root);
  const all = [...diagnostics, ...problems.map((problem) => placed(root, problem))];
  if (!value || all.length > 0) return { site: null, diagnostics: all };
  const redisServer = value.broker.redis_server;
  return {
    site: {
      scheduler: value.scheduler,
      root: value.root,
      leaseSeconds: durationSeconds(value.lease),
      maxPilots: value.pilots.max,
      ...(redisServer !== undefined && { redisServer }),
    },
    diagnostics: [],
  };
}
