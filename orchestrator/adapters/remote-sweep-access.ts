import path from "node:path";
import type { Writable } from "node:stream";
import type { Intent } from "../../worker/contract/trial-files.ts";
import type { QueueChanges } from "../../worker/queue/reconcile-queue.ts";
import type { AttemptFile, FilePart, SweepAccess, TrialFile } from "../ports/sweep-access.ts";
import type { ReconcileAction } from "../tracking/reconcile.ts";
import type { GridWitness, SweepSnapshot, Witnesses } from "../tracking/witnesses.ts";
import type { RemoteSite } from "./remote-site.ts";

/** A sweep on a cluster, through the agent there. */
export class RemoteSweepAccess implements SweepAccess {
  readonly sweep: string;
  readonly #site: RemoteSite;

  constructor(site: RemoteSite, sweep: string) {
    this.#site = site;
    this.sweep = sweep;
  }

  trialDirectory(trial: string): string {
    return path.posix.join(this.#site.root, "sweeps", this.sweep, "trials", trial);
  }

  isLaunched(): Promise<boolean> {
    return this.#site.agent.call("isLaunched", this.sweep);
  }

  read(): Promise<SweepSnapshot> {
    return this.#site.agent.call("read", this.sweep);
  }

  witnesses(): Promise<Witnesses | null> {
    return this.#site.agent.call("witnesses", this.sweep);
  }

  grid(silent: readonly string[]): Promise<GridWitness | null> {
    return this.#site.agent.call("grid", this.sweep, silent);
  }

  apply(action: ReconcileAction): Promise<void> {
    return this.#site.agent.call("apply", this.sweep, action);
  }

  reconcile(options: { rebuild: boolean }): Promise<QueueChanges | null> {
    return this.#site.agent.call("reconcile", this.sweep, options);
  }

  recordIntent(intent: Intent): Promise<void> {
    return this.#site.agent.call("recordIntent", this.sweep, intent);
  }

  readPart(file: AttemptFile): Promise<FilePart> {
    return this.#site.agent.call("readPart", this.sweep, file);
  }

  download({ trial, path: file, offset, onProgress }: TrialFile, target: Writable): Promise<void> {
    const remote = path.posix.join(this.trialDirectory(trial), file);
    return this.#site.host.download(remote, target, { offset, ...(onProgress && { onProgress }) });
  }

  async close(): Promise<void> {
    await this.#site.close();
  }
}
