import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { errorCode } from "../../worker/files/error-code.ts";
import { fileDigest } from "../../worker/files/file-digest.ts";
import { sweepPaths } from "../../worker/files/sweep-directory.ts";
import { readExit } from "../../worker/files/trial-directory.ts";
import { newestBroker } from "../../worker/queue/broker-address.ts";
import { type ClusterLab, describeOnLab, type LabHost } from "../rig/cluster-lab.ts";
import { siteProcesses } from "../rig/cluster-processes.ts";
import { Laptop } from "../rig/laptop.ts";
import { timedSweep, TrialPace } from "../rig/timed-trials.ts";
import { waitFor } from "../rig/wait-for.ts";

const HOSTS: readonly LabHost[] = ["login", "qmaster", "gpu1", "gpu2"];

interface Best {
  best: { trial: string; checkpoint: string; metrics: { cider: number } };
  ranking: { arm: string }[];
}

describeOnLab("a sweep on a cluster", (lab) => {
  let laptop: Laptop;
  let pace: TrialPace;
  beforeAll(async () => {
    laptop = new Laptop(lab);
    await laptop.setUp();
    pace = await TrialPace.measure(laptop);
  }, 1_000_000);
  afterAll(() => laptop.dispose());
  afterEach(async () => {
    laptop.writeSite();
    await emptyQueue(lab);
  }, 120_000);

  it("runs by itself once launched through the gateway, and is fetched from elsewhere", async () => {
    laptop.copyDemo();
    const launch = ["launch", "configs/sweeps/demo.yaml", "--set", "resources.gpus=1"];
    const launched = await laptop.json<{ pilots: { submitted: number } }>(launch);
    expect(launched.pilots.submitted).toBe(2);
    await waitFor("both hosts to be at it", async () => {
      const hosts = await busyHosts(lab);
      return hosts.includes("gpu1") && hosts.includes("gpu2");
    });
    // Nobody is logged in meanwhile: what is looked at is the shared file system.
    await waitFor(
      "a result of every trial",
      () =>
        laptop.trials("demo").length === 8 &&
        laptop
          .trials("demo")
          .every((id) => existsSync(path.join(laptop.trialDirectory("demo", id), "result.json"))),
      900,
    );
    const elsewhere = mkdtempSync(path.join(tmpdir(), "qsweep-elsewhere-"));
    try {
      const { stdout } = await laptop.run(["status", "demo"], { from: elsewhere });
      expect(stdout).toContain("8 trials: 8 finished");
      const words = ["best", "demo", "--fetch", "here"];
      const { best } = await laptop.json<Best>(words, { from: elsewhere });
      expect(best.checkpoint).toBe(path.join(elsewhere, "here"));
      expect(best.metrics.cider).toBeGreaterThan(1.5);
      const fetched = readdirSync(best.checkpoint);
      for (const name of [
        "model.safetensors",
        "config.json",
        "manifest.json",
        "predictions.json",
      ]) {
        expect(fetched).toContain(name);
      }
    } finally {
      rmSync(elsewhere, { recursive: true });
    }
  }, 1_500_000);

  it("resumes over slices shorter than a trial, to the same weights bit for bit", async () => {
    const epochs = pace.epochsLasting(8);
    laptop.writeSweep("whole", timedSweep({ epochs }));
    await laptop.json(["launch", "configs/sweeps/whole.yaml"]);
    const [{ id: trial } = { id: "" }] = await laptop.finished("whole");
    expect(laptop.events("whole", trial)).toHaveLength(1);

    laptop.writeSite({ pilots: "{slices: 40, margin: 15s, broker_wait: 2m}" });
    laptop.writeSweep("sliced", timedSweep({ epochs, walltime: "00:00:40" }));
    await laptop.json(["launch", "configs/sweeps/sliced.yaml"]);
    await holdUntilMargin(lab, laptop, { sweep: "sliced", trial, seconds: 40 - 15 });
    await laptop.finished("sliced");
    const exit = readExit(laptop.trialDirectory("sliced", trial), 1);
    expect(exit).toMatchObject({ outcome: "handed-back", why: "walltime" });
    const [first, second] = laptop.events("sliced", trial);
    const last = first?.findLast(({ type }) => type === "checkpoint");
    expect(second?.[0]).toMatchObject({
      type: "started",
      resumed_from: last?.type === "checkpoint" ? last.path : null,
    });
    const [once, often] = ["whole", "sliced"].map((sweep) =>
      bestWeights(laptop.trialDirectory(sweep, trial)),
    );
    expect(await fileDigest(often!)).toBe(await fileDigest(once!));
  }, 2_000_000);

  it("asks for a one-time code once per command", async () => {
    const guarded = new Laptop(lab, { user: "ds2fa" });
    try {
      await guarded.drawPictures();
      guarded.writeSweep("guarded", timedSweep({ epochs: 2 }));
      const commands = [
        ["site", "check", "lab", "--slots", "1"],
        ["site", "setup", "lab", "--slots", "1"],
        ["launch", "configs/sweeps/guarded.yaml"],
        ["status", "guarded"],
      ];
      for (const [index, words] of commands.entries()) {
        await guarded.json(words);
        expect(guarded.codesGiven(), words.join(" ")).toBe(index + 1);
      }
      await waitFor("the result", () =>
        guarded
          .trials("guarded")
          .some((id) =>
            existsSync(path.join(guarded.trialDirectory("guarded", id), "result.json")),
          ),
      );
      const before = guarded.codesGiven();
      await guarded.json(["best", "guarded", "--fetch", "best"]);
      expect(guarded.codesGiven()).toBe(before + 1);
    } finally {
      await emptyQueue(lab, "ds2fa");
      guarded.dispose();
    }
  }, 1_000_000);

  describe("while pilots run", () => {
    it("three watchers ask the scheduler once in 15 s, and see a change within 30 s", async () => {
      const log = path.join(lab.home(), "qstat-calls");
      writeCountingModule(lab, log);
      laptop.writeSite({
        setup: "[module load nodejs, module load counted]",
        sge: "{project: ds598, parallel_environment: omp, gpu_rule: none, poll: 15s}",
      });
      rmSync(log, { force: true });
      laptop.writeSweep("watched", timedSweep({ epochs: pace.epochsLasting(20) }));
      await laptop.json(["launch", "configs/sweeps/watched.yaml"]);
      const watchers = [1, 2, 3].map(() => laptop.watch("watched"));
      await Promise.all(watchers.map((watcher) => watcher.saw(/running/)));
      const finished = await waitFor(
        "the result",
        () => {
          const [trial = ""] = laptop.trials("watched");
          const file = path.join(laptop.trialDirectory("watched", trial), "result.json");
          return statSync(file, { throwIfNoEntry: false })?.mtimeMs;
        },
        300,
      );
      await Promise.all(watchers.map((watcher) => watcher.ended));
      expect(Date.now() - finished).toBeLessThan(30_000);
      const calls = readFileSync(log, "utf8").trim().split("\n").map(Number);
      expect(calls.length).toBeGreaterThan(1);
      const gaps = calls.slice(1).map((time, index) => time - calls[index]!);
      // Whole seconds, as the shell gives them.
      expect(Math.min(...gaps)).toBeGreaterThanOrEqual(14);
    }, 1_000_000);

    it("no secret shows anywhere, and no debugger listens", async () => {
      laptop.writeSweep("secrets", timedSweep({ epochs: pace.epochsLasting(60) }));
      await laptop.json(["launch", "configs/sweeps/secrets.yaml"]);
      const checkpoints = (): number => {
        const events = laptop
          .trials("secrets")
          .flatMap((id) => laptop.events("secrets", id).flat());
        return events.filter(({ type }) => type === "checkpoint").length;
      };
      await waitFor("a checkpoint", () => checkpoints() > 0);
      const { password } = newestBroker(laptop.root)!;
      expect(password.length).toBeGreaterThan(20);
      expect(await allCommandLines(lab)).not.toContain(password);
      const { stdout: jobs } = await lab.on("login", ["qstat", "-j", "*"]);
      expect(jobs).toMatch(/job_number/);
      expect(jobs).not.toContain(password);
      const secretFiles = await waitFor("a look at all files", () =>
        filesHolding(laptop.root, password),
      );
      expect(secretFiles.length).toBeGreaterThan(0);
      expect(secretFiles.filter((file) => (statSync(file).mode & 0o077) !== 0)).toEqual([]);
      // As before a suspension: the debugger is what Node itself answers. The trainer goes on.
      const before = checkpoints();
      for (const pid of await siteProcesses(lab, laptop)) process.kill(pid, "SIGUSR1");
      await waitFor("another checkpoint", () => checkpoints() > before + 1);
      for (const host of HOSTS) {
        const { stdout } = await lab.on(host, ["cat", "/proc/net/tcp"], { user: "root" });
        expect(listeningPorts(stdout)).not.toContain(9229);
      }
    }, 1_000_000);
  });
});

async function emptyQueue(lab: ClusterLab, user: "ds" | "ds2fa" = "ds"): Promise<void> {
  await lab.on("login", ["qdel", "-u", user], { user });
  await waitFor("an empty queue", async () => {
    const { status, stdout } = await lab.on("login", ["qstat", "-u", user], { user });
    return status === 0 && stdout === "";
  });
}

async function busyHosts(lab: ClusterLab): Promise<string[]> {
  const { stdout } = await lab.on("login", ["qstat", "-s", "r"]);
  return [...stdout.matchAll(/@(gpu\d)/g)].map(([, host = ""]) => host);
}

interface Hold {
  sweep: string;
  trial: string;
  /** From the start of a grid job to its margin. */
  seconds: number;
}

/**
 * Lets the first slice of a trial do little, as a machine does that is too slow for its walltime:
 * the trainer stands still from its first checkpoint until only the margin is left.
 */
async function holdUntilMargin(
  lab: ClusterLab,
  laptop: Laptop,
  { sweep, trial, seconds }: Hold,
): Promise<void> {
  await waitFor("a checkpoint", () =>
    laptop
      .events(sweep, trial)
      .flat()
      .some(({ type }) => type === "checkpoint"),
  );
  const trainers = await siteProcesses(lab, laptop, "trainer.js", trial);
  expect(trainers).toHaveLength(1);
  for (const pid of trainers) process.kill(pid, "SIGSTOP");
  const { pilots } = sweepPaths(laptop.root, sweep);
  const [log = ""] = readdirSync(pilots);
  const began = statSync(path.join(pilots, log)).birthtimeMs;
  await waitFor("the margin", () => Date.now() > began + (seconds + 1) * 1000);
  for (const pid of trainers) process.kill(pid, "SIGCONT");
}

/** The weights of a trial's result. */
function bestWeights(trialDirectory: string): string {
  const result = JSON.parse(readFileSync(path.join(trialDirectory, "result.json"), "utf8")) as {
    best: { checkpoint: string };
  };
  return path.join(trialDirectory, result.best.checkpoint, "model.safetensors");
}

/** A module whose `qstat` notes the second of each call. */
function writeCountingModule(lab: ClusterLab, log: string): void {
  const folder = path.join(lab.home(), "counted");
  mkdirSync(folder, { recursive: true });
  const program = `#!/bin/bash\ndate +%s >>'${log}'\nexec /usr/bin/qstat "$@"\n`;
  writeFileSync(path.join(folder, "qstat"), program, { mode: 0o755 });
  writeFileSync(path.join(lab.directory, "modules", "counted.sh"), `PATH=${folder}:$PATH\n`);
  execFileSync("chown", ["-R", "--reference", lab.home(), folder]);
}

/** What anybody on the cluster can read of running processes. */
async function allCommandLines(lab: ClusterLab): Promise<string> {
  const lines: string[] = [];
  for (const host of HOSTS) {
    for (const pid of await lab.pids(host)) {
      const file = `/proc/${pid}/cmdline`;
      if (existsSync(file)) lines.push(readFileSync(file, "utf8"));
    }
  }
  return lines.join("\n");
}

/** Null if the folder changed meanwhile: checkpoints come and go. */
function filesHolding(folder: string, text: string): string[] | null {
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !entry.parentPath.includes("node_modules"))
      .map((entry) => path.join(entry.parentPath, entry.name))
      .filter((file) => statSync(file).size < 1 << 22 && readFileSync(file).includes(text));
  } catch (error) {
    if (errorCode(error) === "ENOENT") return null;
    throw error;
  }
}

/** Ports in state LISTEN (0A) of a /proc/net/tcp. */
function listeningPorts(table: string): number[] {
  return table
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , , state]) => state === "0A")
    .map(([, local = ""]) => Number.parseInt(local.split(":")[1] ?? "", 16));
}
