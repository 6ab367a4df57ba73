import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

const PROGRAM = path.resolve("test/rig/fake-grid-engine/grid-engine.mjs");

/** What goes wrong with one call: see `grid-engine.mjs`. */
export type Fault =
  | `sample ${string}`
  | "limit"
  | "cut before"
  | "cut after"
  | "banner"
  | "torn"
  | "silent"
  | "down";

/** A Grid Engine of processes on this machine, in a folder of its own. */
export class FakeGridEngine {
  readonly directory: string;
  /** Puts its commands first. */
  readonly path: string;
  readonly #state: string;
  #faults = 0;

  constructor() {
    this.directory = mkdtempSync(path.join(tmpdir(), "qsweep-grid-"));
    this.#state = path.join(this.directory, "state");
    for (const folder of ["jobs", "faults"]) {
      mkdirSync(path.join(this.#state, folder), { recursive: true });
    }
    const bin = path.join(this.directory, "bin");
    mkdirSync(bin);
    for (const name of ["qsub", "qstat", "qdel", "qacct"]) {
      const line = `exec '${process.execPath}' '${PROGRAM}' '${this.#state}' ${name} "$@"`;
      writeFileSync(path.join(bin, name), `#!/bin/sh\n${line}\n`, { mode: 0o755 });
    }
    this.path = `${bin}:${process.env["PATH"] ?? ""}`;
  }

  /** The next call of a program fails like this; several faults are used up in order. */
  breakNext(program: "qsub" | "qstat" | "qdel", fault: Fault): void {
    this.#faults += 1;
    const number = String(this.#faults).padStart(4, "0");
    writeFileSync(path.join(this.#state, "faults", `${program}-${number}`), fault);
  }

  /** Command lines of all calls so far. */
  calls(program: string): string[] {
    const lines = readFileSync(path.join(this.#state, "calls"), "utf8").split("\n");
    return lines.filter((line) => line.startsWith(`${program} `));
  }

  /** Ends all tasks and forgets everything. */
  dispose(): void {
    const ids = readdirSync(path.join(this.#state, "jobs"));
    for (const id of ids) writeFileSync(path.join(this.#state, "jobs", id, "deleted"), "");
    const env = { ...process.env, PATH: this.path };
    const shows = (): string => execFileSync("qstat", ["-xml"], { env, encoding: "utf8" });
    while (shows().includes("<state>dr</state>")) continue;
    rmSync(this.directory, { recursive: true, force: true });
  }
}
