import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { PilotStage } from "./pilot/pilot-stage.ts";
import { waitFor } from "../rig/wait-for.ts";

/** Made by the build that `npm test` begins with. */
const MAIN = path.resolve("dist/worker/main.js");
const TRIAL = "t000000000001";

interface Program {
  child: ChildProcess;
  /** The exit status, once all output is read. */
  ended: Promise<number | null>;
  output: () => string;
}

function start(words: readonly string[]): Program {
  const child = spawn(process.execPath, [MAIN, ...words]);
  onTestFinished(() => {
    child.kill("SIGKILL");
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (bytes: Buffer) => (output += bytes.toString()));
  }
  const ended = once(child, "close").then(() => child.exitCode);
  return { child, ended, output: () => output };
}

/** A command line as a launch on a cluster builds it, and a task completes it. */
function pilotWords(stage: PilotStage, changes: Record<string, string> = {}): string[] {
  const { signOffFile } = stage.settings();
  const options = {
    root: stage.sweep.root,
    "lease-seconds": "2",
    placement: "login",
    sweep: stage.sweep.name,
    pool: "p1",
    submission: stage.submission,
    "walltime-seconds": "3600",
    "margin-seconds": "300",
    "broker-wait-seconds": "0",
    gpus: "0",
    "gpu-rule": "auto",
    "features-limit-bytes": "1e9",
    name: "7.1",
    threads: "1",
    "elapsed-seconds": "3",
    "sign-off": signOffFile,
    ...changes,
  };
  return ["pilot", ...Object.entries(options).flatMap(([name, value]) => [`--${name}`, value])];
}

/** A pilot with nothing to do for now: its only trial is in the hands of another. */
async function idlePilot(): Promise<{ stage: PilotStage; pilot: Program }> {
  const stage = new PilotStage();
  await stage.startBroker();
  stage.addWaiting(TRIAL);
  stage.sweep.claim(TRIAL, 1);
  const pilot = start(pilotWords(stage, { "lease-seconds": "60" }));
  await waitFor("the pilot to be at work", () => pilot.output().includes("no GPU"));
  return { stage, pilot };
}

describe("the process of a pilot", () => {
  it.each(["SIGUSR2", "SIGTERM", "SIGINT", "SIGHUP"] as const)(
    "leaves with status 0 on %s, sent twice",
    async (signal) => {
      const { pilot } = await idlePilot();
      pilot.child.kill(signal);
      pilot.child.kill(signal);
      expect(await pilot.ended).toBe(0);
      expect(pilot.output()).toContain("asked to leave");
    },
  );

  it("stays on SIGUSR1, a notice of suspension, and opens no debugger", async () => {
    const { stage, pilot } = await idlePilot();
    pilot.child.kill("SIGUSR1");
    pilot.child.kill("SIGUSR1");
    stage.sweep.finish(TRIAL, 1, 0.5);
    expect(await pilot.ended).toBe(0);
    expect(pilot.output()).toContain("every trial is settled");
    expect(pilot.output()).not.toContain("Debugger listening");
  });

  it("tells by its status that no broker came up in time", async () => {
    const stage = new PilotStage();
    stage.addQuick(TRIAL);
    const { ended, output } = start(pilotWords(stage));
    expect(await ended).toBe(75);
    expect(output()).toContain('"reason":"broker-unreachable"');
  });

  it("names what a walltime is too short for", async () => {
    const { ended, output } = start(pilotWords(new PilotStage(), { "walltime-seconds": "300" }));
    expect(await ended).toBe(1);
    expect(output()).toContain("a walltime of 300 s leaves no time to train");
  });

  it.each([{ threads: "four" }, { "gpu-rule": "guess" }, { "walltime-seconds": "1:00:00" }])(
    "refuses %j",
    async (changes) => {
      const { ended, output } = start(pilotWords(new PilotStage(), changes));
      expect(await ended).toBe(1);
      expect(output()).toContain(Object.keys(changes)[0]);
    },
  );
});
