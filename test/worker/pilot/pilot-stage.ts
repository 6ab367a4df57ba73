import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { onTestFinished } from "vitest";
import { ensureBroker } from "../../../worker/broker/ensure-broker.ts";
import type { TrialEvent } from "../../../worker/contract/trial-event.ts";
import type { AttemptExit, TrialResult } from "../../../worker/contract/trial-files.ts";
import { sweepPaths } from "../../../worker/files/sweep-directory.ts";
import {
  attemptPaths,
  readTrialRecord,
  type TrialRecord,
} from "../../../worker/files/trial-directory.ts";
import { type PilotParts, type PilotSettings, runPilot } from "../../../worker/pilot/pilot.ts";
import { TrainerProcess, type TrainerStart } from "../../../worker/pilot/trainer-process.ts";
import { newestBroker } from "../../../worker/queue/broker-address.ts";
import { LaunchedSweep } from "../../rig/launched-sweep.ts";
import { kill } from "../../rig/local-site.ts";
import { waitFor } from "../../rig/wait-for.ts";

const STUB = path.resolve("test/worker/pilot/stub-trainer.mjs");

/** What the trainer of a trial does: see `stub-trainer.mjs`. */
interface Stub {
  events?: TrialEvent[];
  exit?: Partial<AttemptExit>;
  result?: TrialResult;
}

/** How a trainer was called. */
interface TrainerCall {
  options: string[];
  devices: string | null;
  threads: string;
}

/**
 * A launched sweep with real pilots, stubs for their trainers, and a real broker as on a cluster:
 * nobody starts it but `startBroker`.
 */
export class PilotStage {
  readonly sweep = new LaunchedSweep();
  readonly submission: string;
  readonly log: string[] = [];

  constructor() {
    this.submission = path.join(sweepPaths(this.sweep.root, this.sweep.name).directory, "s1");
    mkdirSync(this.submission);
    onTestFinished(() => {
      this.killBroker();
      this.sweep.dispose();
    });
  }

  /** Adds a trial whose trainer waits until it is told to stop. */
  addWaiting(id: string, stub: Stub = {}): void {
    this.sweep.add({ id });
    this.setStub(id, stub);
  }

  /** Adds a trial whose trainer finishes at once. */
  addQuick(id: string, stub: Stub = {}): void {
    this.addWaiting(id, stub);
    this.letFinish(id, stub);
  }

  /** From the next attempt on the trial's trainer finishes at once. */
  letFinish(id: string, stub: Stub = {}): void {
    this.setStub(id, { ...stub, exit: { outcome: "finished" }, result: resultOf(id) });
  }

  setStub(id: string, stub: Stub): void {
    writeFileSync(path.join(this.sweep.directory(id), "stub.json"), JSON.stringify(stub));
  }

  settings(changes: Partial<PilotSettings> = {}): PilotSettings {
    return {
      root: this.sweep.root,
      leaseSeconds: 15,
      placement: "login",
      waitSeconds: 0,
      sweep: this.sweep.name,
      pool: "p1",
      submission: this.submission,
      name: "7.1",
      threads: 3,
      signOffFile: path.join(this.submission, "task-1.left"),
      slice: null,
      gpus: null,
      featuresLimitBytes: 1e9,
      leaving: new AbortController().signal,
      log: (line) => this.log.push(line),
      ...changes,
    };
  }

  /** On this machine; its pilots have not started it, and do not. */
  async startBroker(): Promise<void> {
    await ensureBroker(this.settings({ placement: "here" }));
  }

  async run(changes: Partial<PilotSettings> = {}, parts: PilotParts = {}): Promise<void> {
    const startTrainer = (start: TrainerStart) => new TrainerProcess(start, STUB);
    return runPilot(this.settings(changes), { startTrainer, ...parts });
  }

  record(trial: string): TrialRecord {
    return readTrialRecord(this.sweep.directory(trial));
  }

  callFile(trial: string, attempt: number): string {
    return path.join(attemptPaths(this.sweep.directory(trial), attempt).directory, "call.json");
  }

  /** How the trainer of an attempt was called, as soon as it was. */
  call(trial: string, attempt: number): Promise<TrainerCall> {
    return waitFor(`attempt ${attempt} of ${trial}`, () => {
      const file = this.callFile(trial, attempt);
      const text = existsSync(file) ? readFileSync(file, "utf8") : "";
      return text === "" ? null : JSON.parse(text);
    });
  }

  killBroker(): void {
    const broker = newestBroker(this.sweep.root);
    if (broker?.pid) kill(broker.pid);
  }
}

function resultOf(trial: string): TrialResult {
  return {
    version: 1,
    trial,
    attempt: 1,
    metrics: { cider: 0.5 },
    best: { epoch: 0, step: 1, checkpoint: null },
    epochs: [{ epoch: 0, step: 1, loss: 1, metrics: { cider: 0.5 } }],
    steps: 1,
    images: { val: 4 },
    bad_images: 0,
    engine: { engine: "cpu", tensorflow: null, device: "cpu", library: null, threads: 1 },
    finished_at: "2026-11-24T10:00:00.000Z",
  };
}
