// A pilot as it is, but its trainers are functions that finish at once: `no-op-pilot ROOT NUMBER`.
import nodeChildProcess from "node:child_process";
import { EventEmitter } from "node:events";
import { syncBuiltinESMExports } from "node:module";
import path from "node:path";
import { writeFileDurably } from "../../../worker/files/durable-write.ts";
import { sweepPaths } from "../../../worker/files/sweep-directory.ts";
import { attemptPaths } from "../../../worker/files/trial-directory.ts";
import { FINISHED, LEASE_SECONDS, POOL, resultOf, SWEEP } from "../staged-sweep.ts";
import { answer } from "./answer.ts";

/** Stands for `fork`: what it starts has written its result when the pilot looks. */
function noOpTrainer(_script: string, words: readonly string[]): EventEmitter {
  const [trialDirectory = "", attempt] = words.slice(-2);
  const files = attemptPaths(trialDirectory, Number(attempt));
  const child = Object.assign(new EventEmitter(), { pid: process.pid, connected: false });
  setImmediate(() => {
    writeFileDurably(files.result, `${JSON.stringify(resultOf(path.basename(trialDirectory)))}\n`);
    writeFileDurably(files.exit, `${JSON.stringify(FINISHED)}\n`);
    child.emit("exit", 0, null);
  });
  return child;
}

Object.assign(nodeChildProcess, { fork: noOpTrainer });
syncBuiltinESMExports();
const { runPilot } = await import("../../../worker/pilot/pilot.ts");

const [root = "", number = ""] = process.argv.slice(2);
const submission = path.join(sweepPaths(root, SWEEP).submissions, "bench");

await answer({}, () =>
  runPilot({
    root,
    leaseSeconds: LEASE_SECONDS,
    placement: "here",
    sweep: SWEEP,
    pool: POOL,
    submission,
    name: `1.${number}`,
    threads: 1,
    signOffFile: path.join(submission, `task-${number}.left`),
    slice: null,
    gpus: null,
    leaving: new AbortController().signal,
    log: () => {},
  }),
);
