import { z } from "zod";

/** One thing that a proof job found on an execution host. */
export const Proof = z.strictObject({
  proof: z.enum(["shared directory", "gpus", "engine", "redis-server", "broker"]),
  status: z.enum(["ok", "warning", "problem"]),
  /** What was found, as one line. */
  message: z.string(),
});
export type Proof = z.infer<typeof Proof>;

/** `proof.json`: written by a proof job at its end. */
export const ProofFile = z.strictObject({
  version: z.literal(1),
  host: z.string(),
  proofs: z.array(Proof),
});
export type ProofFile = z.infer<typeof ProofFile>;

/** `listening.json`: where somebody waits for a connection from the other side. */
export const Listening = z.strictObject({
  host: z.string(),
  port: z.number().int().positive(),
});
export type Listening = z.infer<typeof Listening>;

/** `<root>/site.json`: what the last set-up of a site proved. */
export const SiteRecord = z.strictObject({
  version: z.literal(1),
  /** Hash of the worker that was deployed. */
  worker: z.string(),
  engine: z.strictObject({ tensorflow: z.string(), library: z.string(), compiler: z.string() }),
  proofs: z.array(Proof),
  /** Of the host that ran the proof. */
  host: z.string(),
  /** ISO 8601, by the clock of the user's machine. */
  time: z.string(),
});
export type SiteRecord = z.infer<typeof SiteRecord>;
