import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { TrialResult } from "../../worker/contract/trial-files.ts";
import { readTrialRecord } from "../../worker/files/trial-directory.ts";
import { generationPaths, newestBroker } from "../../worker/queue/broker-address.ts";
import { type ClusterLab, describeOnLab } from "../rig/cluster-lab.ts";
import { redisServers, siteProcesses } from "../rig/cluster-processes.ts";
import { Laptop } from "../rig/laptop.ts";
import { kill } from "../rig/local-site.ts";
import { STEPS_PER_EPOCH, timedSweep, TrialPace } from "../rig/timed-trials.ts";
import { waitFor } from "../rig/wait-for.ts";

/** What a trial lasts at least, so that whatever befalls it finds it in the middle. */
const TRIAL_SECONDS = 8;

const HOSTS = ["gpu1", "gpu2"] as const;

describeOnLab("a sweep on a cluster survives", (lab) => {
  let laptop: Laptop;
  let pace: TrialPace;
  let sweep: string;
  let steps: number;
  let count = 0;

  beforeAll(async () => {
    writeSlowQsub(lab);
    laptop = new Laptop(lab, { site: { setup: "[module load nodejs, module load slow]" } });
    await laptop.setUp();
    pace = await TrialPace.measure(laptop);
  }, 1_000_000);
  afterAll(() => laptop.dispose());

  /** Writes a sweep of two trials, on a pilot each. */
  function writeSweep(name: string, lastingSeconds = TRIAL_SECONDS): void {
    const epochs = pace.epochsLasting(lastingSeconds);
    sweep = name;
    steps = epochs * STEPS_PER_EPOCH;
    laptop.writeSweep(sweep, timedSweep({ epochs, checkpoint: "1s", seeds: [0, 1] }));
  }

  /** Launches such a sweep, and waits until both trials are well under way. */
  async function underWay(lastingSeconds?: number): Promise<void> {
    writeSweep(`faults-${(count += 1)}`, lastingSeconds);
    await laptop.json(["launch", `configs/sweeps/${sweep}.yaml`]);
    await waitFor("both trials to have a checkpoint", () => {
      const trials = laptop.trials(sweep);
      return (
        trials.length === 2 && trials.every((trial) => lastCheckpoint(laptop, sweep, trial) > 0)
      );
    });
  }

  /** Whatever a test broke is mended, and nothing of it runs on. */
  afterEach(async () => {
    await lab.command("up");
    await lab.on("login", ["qdel", "-u", "ds"]);
    await waitFor("an empty queue", async () => {
      const { status, stdout } = await lab.on("login", ["qstat"]);
      return status === 0 && stdout === "";
    });
  }, 200_000);

  /** Every trial has exactly one result, whole, of the one attempt that it names. */
  async function checkResults(): Promise<void> {
    const trials = await laptop.finished(sweep);
    expect(trials).toHaveLength(2);
    for (const { id } of trials) {
      const directory = laptop.trialDirectory(sweep, id);
      const text = readFileSync(path.join(directory, "result.json"), "utf8");
      const result = TrialResult.parse(JSON.parse(text));
      expect(result.steps).toBe(steps);
      const { attempts } = readTrialRecord(directory);
      const finished = attempts.filter(({ exit }) => exit?.outcome === "finished");
      expect(finished.map(({ attempt }) => attempt)).toContain(result.attempt);
      checkResumes(laptop, sweep, id);
    }
  }

  it("kill -9 of a trainer", async () => {
    await underWay();
    const [victim] = await siteProcesses(lab, laptop, "trainer.js");
    kill(victim!);
    await checkResults();
    expect(attemptsOf(laptop, sweep)).toEqual([1, 2]);
  }, 1_000_000);

  it("kill -9 of a pilot", async () => {
    await underWay();
    const [victim] = await siteProcesses(lab, laptop, "main.js", "pilot");
    kill(victim!);
    await checkResults();
    expect(attemptsOf(laptop, sweep)).toEqual([1, 2]);
  }, 1_000_000);

  it("a host that loses its power with all that runs there", async () => {
    await underWay();
    await lab.crash("gpu1");
    await checkResults();
  }, 1_000_000);

  it("kill -9 of the broker, with its data kept", async () => {
    await underWay();
    kill((await redisServers(lab, laptop))[0]!);
    await checkResults();
    expect(newestBroker(laptop.root)!.generation).toBeGreaterThan(1);
  }, 1_000_000);

  it("kill -9 of the broker, with its data lost", async () => {
    await underWay();
    const { generation } = newestBroker(laptop.root)!;
    const [redis] = await redisServers(lab, laptop);
    // No pilot stood in for it: the broker's grid job is there from the launch on.
    const [keeper] = await siteProcesses(lab, laptop, "main.js", "broker");
    process.kill(keeper!, "SIGSTOP");
    kill(redis!);
    rmSync(path.join(generationPaths(laptop.root, generation).directory, "data"), {
      recursive: true,
    });
    process.kill(keeper!, "SIGCONT");
    await checkResults();
    expect(newestBroker(laptop.root)!.generation).toBeGreaterThan(generation);
  }, 1_000_000);

  it("the loss of the SSH connection in the middle of qsub", async () => {
    // A name of its own: the accounting still has the grid jobs of earlier runs.
    writeSweep(`faults-qsub-${randomBytes(3).toString("hex")}`);
    const hold = path.join(lab.home(), "slow", "hold");
    // Homes outlive a run of the tests.
    rmSync(`${hold}.submitted`, { force: true });
    writeFileSync(hold, "");
    const cut = laptop.run(["launch", `configs/sweeps/${sweep}.yaml`]);
    await waitFor("qsub to have submitted the pilots", () => existsSync(`${hold}.submitted`));
    // Our program on the login host and its qsub go as well: nobody is left who knows the answer.
    await lab.daemons("login", "stop");
    await lab.on("login", ["pkill", "-KILL", "-u", "ds"]);
    expect((await cut).status).toBe(1);
    rmSync(hold);
    await lab.daemons("login", "start");
    const again = await laptop.json<{ pilots: { live: number; submitted: number } }>([
      "launch",
      `configs/sweeps/${sweep}.yaml`,
    ]);
    expect(again.pilots).toEqual({ live: 2, submitted: 0 });
    await checkResults();
    expect(await gridJobs(lab, sweep)).toHaveLength(1);
  }, 1_000_000);

  it("the qmaster away for 20 s", async () => {
    await underWay(24);
    await lab.daemons("qmaster", "stop");
    const away = performance.now();
    await waitFor("20 s without a qmaster", async () => {
      // A scheduler that does not answer freezes what is shown; nothing is taken for failed.
      const trials = await laptop.status(sweep);
      expect(trials.map(({ state }) => state)).not.toContain("queued");
      return performance.now() - away > 20_000;
    });
    await lab.daemons("qmaster", "start");
    await checkResults();
    expect(attemptsOf(laptop, sweep)).toEqual([1, 1]);
  }, 1_000_000);

  it("both hosts cut off from the network for 30 s", async () => {
    await underWay(34);
    for (const host of HOSTS) await lab.net(host, "down");
    const cut = performance.now();
    await waitFor("30 s without a network", async () => {
      await laptop.status(sweep);
      return performance.now() - cut > 30_000;
    });
    for (const host of HOSTS) await lab.net(host, "up");
    await checkResults();
  }, 1_000_000);

  it("qmod -rj while the first copy lives on", async () => {
    await underWay();
    const [job = ""] = await gridJobs(lab, sweep);
    await lab.on("login", ["qmod", "-rj", job]);
    await checkResults();
  }, 1_000_000);
});

/** A module whose `qsub` submits pilots and then, while a file `hold` is there, does not end. */
function writeSlowQsub(lab: ClusterLab): void {
  const folder = path.join(lab.home(), "slow");
  mkdirSync(folder, { recursive: true });
  const program = `#!/bin/bash
if [ "$1" = -terse ] && [ -e '${folder}/hold' ] && grep -q -- '-p1$' "\${@: -1}"; then
  answer=$(/usr/bin/qsub "$@")
  touch '${folder}/hold.submitted'
  while [ -e '${folder}/hold' ]; do sleep 0.1; done
  echo "$answer"
else
  exec /usr/bin/qsub "$@"
fi
`;
  writeFileSync(path.join(folder, "qsub"), program, { mode: 0o755 });
  writeFileSync(path.join(lab.directory, "modules", "slow.sh"), `PATH=${folder}:$PATH\n`);
  execFileSync("chown", ["-R", "--reference", lab.home(), folder]);
}

/** Numbers of the grid jobs that were ever made for the pilots of a sweep, over or not. */
async function gridJobs(lab: ClusterLab, sweep: string): Promise<string[]> {
  const shown = await lab.on("login", ["qstat", "-r"]);
  const jobs = new Set<string>();
  const lines = shown.stdout.split("\n");
  for (const [index, line] of lines.entries()) {
    if (!line.includes("Full jobname:") || !line.includes(`-${sweep}-p1`)) continue;
    jobs.add(lines[index - 1]!.trim().split(/\s+/)[0]!);
  }
  const ended = await lab.on("login", ["qacct", "-j", `qs*-${sweep}-p1`]);
  for (const [, job = ""] of ended.stdout.matchAll(/^jobnumber\s+(\d+)/gm)) jobs.add(job);
  return [...jobs];
}

function lastCheckpoint(laptop: Laptop, sweep: string, trial: string): number {
  const events = laptop.events(sweep, trial).flat();
  return Math.max(0, ...events.map((event) => (event.type === "checkpoint" ? event.step : 0)));
}

function attemptsOf(laptop: Laptop, sweep: string): number[] {
  return laptop
    .trials(sweep)
    .map((trial) => readTrialRecord(laptop.trialDirectory(sweep, trial)).attempts.length)
    .toSorted((a, b) => a - b);
}

/** Each attempt goes on from the newest checkpoint that was complete when it started. */
function checkResumes(laptop: Laptop, sweep: string, trial: string): void {
  for (const events of laptop.events(sweep, trial).slice(1)) {
    const started = events.find((event) => event.type === "started");
    if (started) expect(started.step).toBeGreaterThan(0);
  }
}
