import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import type { Redis } from "ioredis";
import { BrokerAddress } from "../../worker/contract/trial-files.ts";
import { acceptGridJob, recordSubmission } from "../../worker/files/submission-directory.ts";
import { sweepPaths } from "../../worker/files/sweep-directory.ts";
import { brokerDirectory } from "../../worker/queue/broker-address.ts";
import { connectBroker } from "../../worker/queue/connect-broker.ts";
import { TrialQueue } from "../../worker/queue/trial-queue.ts";
import { LaunchedSweep } from "./launched-sweep.ts";
import { kill } from "./local-site.ts";

/** Number of the grid job of `submitPilot`. */
export const PILOT_JOB = "7";

/** A root with one launched sweep, whose brokers a test starts; all of them end with it. */
export class BrokerRoot {
  readonly sweep = new LaunchedSweep();
  readonly root = this.sweep.root;
  readonly #queues: TrialQueue[] = [];
  readonly #clients: Redis[] = [];

  get paths() {
    return sweepPaths(this.root, this.sweep.name);
  }

  /** Has one pilot submitted, of one task; returns the submission's directory. */
  submitPilot(): string {
    const directory = path.join(this.paths.submissions, "0a1b2c3d");
    const record = { version: 1, token: "0a1b2c3d", program: "pilot", pool: "p1" } as const;
    recordSubmission(directory, { ...record, at_once: 1, slices: 1 });
    acceptGridJob(directory, PILOT_JOB);
    return directory;
  }

  /** A pilot's way to a broker. */
  queue(address: BrokerAddress, leaseSeconds = 3600): TrialQueue {
    const queue = new TrialQueue(address, { sweep: this.sweep.name, pool: "p1", leaseSeconds });
    this.#queues.push(queue);
    return queue;
  }

  client(address: BrokerAddress): Redis {
    const redis = connectBroker(address);
    this.#clients.push(redis);
    return redis;
  }

  async dispose(): Promise<void> {
    await Promise.all(this.#queues.map((queue) => queue.close()));
    for (const client of this.#clients) client.disconnect();
    for (const { pid } of this.#addresses()) if (pid !== null) kill(pid);
    this.sweep.dispose();
  }

  #addresses(): BrokerAddress[] {
    const directory = brokerDirectory(this.root);
    if (!existsSync(directory)) return [];
    return readdirSync(directory)
      .map((name) => path.join(directory, name, "broker.json"))
      .filter((file) => existsSync(file))
      .map((file) => BrokerAddress.parse(JSON.parse(readFileSync(file, "utf8"))));
  }
}
