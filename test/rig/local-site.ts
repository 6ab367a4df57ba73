import { type ChildProcess, execFile, spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { TrialEvent } from "../../worker/contract/trial-event.ts";
import { attemptNumbers, attemptPaths } from "../../worker/files/trial-directory.ts";
import { sweepPaths } from "../../worker/files/sweep-directory.ts";
import { newestBroker } from "../../worker/queue/broker-address.ts";
import { writeDemoSet } from "../../worker/data/demo-set.ts";
import { waitFor } from "./wait-for.ts";

const QSWEEP = path.resolve("orchestrator/qsweep.mjs");
const TINY_MODEL = path.resolve("test/fixtures/reference/tiny-blip-trained");

export interface CommandResult {
  status: number | null;
  stdout: string;
  stderr: string;
}

/** A site `local` of its own in a temporary folder, driven by the real command line. */
export class LocalSite {
  readonly directory: string;
  readonly root: string;
  readonly model = TINY_MODEL;
  readonly #environment: NodeJS.ProcessEnv;

  private constructor(directory: string) {
    this.directory = directory;
    this.root = path.join(directory, "root");
    this.#environment = { ...process.env, QSWEEP_STATE: path.join(directory, "state") };
  }

  /** A site whose leases last `leaseSeconds`, with a small drawn data set in `data/`. */
  static async create({ leaseSeconds }: { leaseSeconds: number }): Promise<LocalSite> {
    const site = new LocalSite(await mkdtemp(path.join(tmpdir(), "qsweep-site-")));
    mkdirSync(path.join(site.directory, "sites"));
    mkdirSync(path.join(site.directory, "sweeps"));
    const text = `scheduler: local\nroot: ../root\nlease: ${leaseSeconds}s\n`;
    writeFileSync(path.join(site.directory, "sites", "temporary.yaml"), text);
    await writeDemoSet(path.join(site.directory, "data"), {
      seed: 5,
      train: 96,
      val: 16,
      domain: "simple",
    });
    return site;
  }

  /** Writes a sweep file; `site` and `dataset` are filled in. Returns its path. */
  writeSweep(name: string, text: string): string {
    const file = path.join(this.directory, "sweeps", `${name}.yaml`);
    const head = `name: ${name}\nsite: temporary\ndataset: {format: vizwiz, root: ../data}\n`;
    writeFileSync(file, head + text);
    return file;
  }

  start(words: readonly string[]): ChildProcess {
    return spawn(process.execPath, [QSWEEP, ...words], { env: this.#environment, stdio: "ignore" });
  }

  run(words: readonly string[]): Promise<CommandResult> {
    return new Promise((resolve) => {
      const options = { env: this.#environment, maxBuffer: 1 << 26 };
      const child = execFile(process.execPath, [QSWEEP, ...words], options, (_, stdout, stderr) => {
        resolve({ status: child.exitCode, stdout, stderr });
      });
    });
  }

  trials(sweep: string): string[] {
    const { trials } = sweepPaths(this.root, sweep);
    return existsSync(trials) ? readdirSync(trials) : [];
  }

  trialDirectory(sweep: string, trial: string): string {
    return path.join(sweepPaths(this.root, sweep).trials, trial);
  }

  /** Events of each attempt, in the order of attempts. */
  events(sweep: string, trial: string): { attempt: number; events: TrialEvent[] }[] {
    const directory = this.trialDirectory(sweep, trial);
    return attemptNumbers(directory).map((attempt) => {
      const { events } = attemptPaths(directory, attempt);
      const text = existsSync(events) ? readFileSync(events, "utf8") : "";
      const lines = text.split("\n").slice(0, -1);
      return { attempt, events: lines.map((line) => TrialEvent.parse(JSON.parse(line))) };
    });
  }

  /** Process ids of this site's own programs, by what runs in them. */
  processes(kind: "trainer" | "pilot" | "keeper" | "broker"): number[] {
    if (kind === "broker") return [newestBroker(this.root)?.pid ?? []].flat().filter(isAlive);
    const script = { trainer: "trainer.js", pilot: "main.js", keeper: "local-pilot.sh" }[kind];
    return readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .filter((pid) => {
        const [, first = "", ...words] = commandLine(pid);
        return path.basename(first) === script && words.some((word) => word.includes(this.root));
      });
  }

  /** Command lines of every process of this machine, as anyone can read them. */
  commandLines(): string[] {
    return readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .map((name) => commandLine(Number(name)).join(" "));
  }

  /** Ends everything of this site and removes it. */
  async dispose(): Promise<void> {
    const all = (["keeper", "pilot", "trainer", "broker"] as const).flatMap((kind) =>
      this.processes(kind),
    );
    for (const pid of all) kill(pid);
    await waitFor("this site's processes to end", () => all.every((pid) => !isAlive(pid)));
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Ends a process at once; one that is gone already is fine. */
export function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

function commandLine(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
  } catch {
    return [];
  }
}

/** A zombie has ended: its command line is empty. */
function isAlive(pid: number): boolean {
  return commandLine(pid).join("") !== "";
}
