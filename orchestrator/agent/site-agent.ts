import type { Intent } from "../../worker/contract/trial-files.ts";
import type { LaunchChanges, PoolNeed } from "../ports/launch-site.ts";
import type { AttemptFile, FilePart, SweepAccess } from "../ports/sweep-access.ts";
import type { ResolvedSweep } from "../sweep/resolve-sweep.ts";
import type { SiteInputs } from "../sweep/find-inputs.ts";
import type { ReconcileAction } from "../tracking/reconcile.ts";
import type { GridWitness, SweepSnapshot, Witnesses } from "../tracking/witnesses.ts";

/**
 * What the far end of the CLI does where a cluster's file system is: a process on the login host,
 * for as long as one command runs. Every call is safe to repeat.
 */
export interface SiteAgent extends Omit<SiteInputs, "root"> {
  compare(sweep: ResolvedSweep): Promise<LaunchChanges>;
  record(sweep: ResolvedSweep, options: { prune: boolean }): Promise<LaunchChanges>;
  prepare(sweep: ResolvedSweep): Promise<void>;
  pools(sweep: ResolvedSweep): Promise<PoolNeed[]>;
  submitPilots(sweep: ResolvedSweep, order: { pool: string; pilots: number }): Promise<void>;
  submitBroker(sweep: ResolvedSweep): Promise<void>;
  isLaunched(sweep: string): Promise<boolean>;
  read(sweep: string): Promise<SweepSnapshot>;
  witnesses(sweep: string): Promise<Witnesses | null>;
  grid(sweep: string, silent: readonly string[]): Promise<GridWitness | null>;
  apply(sweep: string, action: ReconcileAction): Promise<void>;
  reconcile(sweep: string, options: { rebuild: boolean }): ReturnType<SweepAccess["reconcile"]>;
  recordIntent(sweep: string, intent: Intent): Promise<void>;
  readPart(sweep: string, file: AttemptFile): Promise<FilePart>;
}

export type AgentMethod = keyof SiteAgent;
