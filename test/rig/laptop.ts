import { execFile, execFileSync, spawn } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { attemptNumbers, attemptPaths } from "../../worker/files/trial-directory.ts";
import { TrialEvent } from "../../worker/contract/trial-event.ts";
import { sweepPaths } from "../../worker/files/sweep-directory.ts";
import { writeDemoSet } from "../../worker/data/demo-set.ts";
import { readEngineState } from "../../worker/engine/engine-state.ts";
import type { ClusterLab, LabUser } from "./cluster-lab.ts";
import { waitFor } from "./wait-for.ts";

const TINY_MODEL = path.resolve("test/fixtures/reference/tiny-blip-trained");
const QSWEEP = path.resolve("orchestrator/qsweep.mjs");

/** Of a sweep with its pilots disturbed, on a machine that does other things too. */
const FINISH_SECONDS = 900;

/** A trial in the answer of `status --json`. */
export interface ShownTrial {
  id: string;
  state: string;
  attempt: number | null;
  step: number | null;
}

export interface LaptopOptions {
  user?: LabUser;
  /** Replaces or adds lines of the site file. */
  site?: Record<string, string>;
}

/** A laptop outside the lab's network, with a sweep folder, the site `lab` and its own state. */
export class Laptop {
  readonly directory = mkdtempSync(path.join(tmpdir(), "qsweep-laptop-"));
  /** The site's root: the same path here, as one file system serves all hosts of the lab. */
  readonly root: string;
  readonly #lab: ClusterLab;
  readonly #user: LabUser;

  constructor(lab: ClusterLab, { user = "ds", site = {} }: LaptopOptions = {}) {
    this.#lab = lab;
    this.#user = user;
    this.root = path.join(lab.home(user), path.basename(this.directory));
    for (const folder of ["configs/sites", "configs/sweeps", ".qsweep"]) {
      mkdirSync(path.join(this.directory, folder), { recursive: true });
    }
    symlinkSync(path.resolve("configs/models"), path.join(this.directory, "configs/models"));
    symlinkSync(path.resolve(".qsweep/data"), path.join(this.directory, ".qsweep/data"));
    symlinkSync(TINY_MODEL, path.join(this.directory, "tiny-model"));
    this.writeSite(site);
    if (user !== "ds") this.#writeAskPass();
  }

  /** Writes `configs/sites/lab.yaml`, with some lines replaced or added. */
  writeSite(changes: Record<string, string> = {}): void {
    const lines: Record<string, string> = {
      scheduler: "sge",
      ssh: "{host: login}",
      root: `~/${path.basename(this.directory)}`,
      setup: "[module load nodejs]",
      tensorflow: labTensorFlow(this.#lab),
      lease: "8s",
      pilots: "{slices: 20, margin: 8s, broker_wait: 2m}",
      broker: "{placement: job}",
      sge: "{project: ds598, parallel_environment: omp, gpu_rule: none, poll: 2s}",
      ...changes,
    };
    const text = Object.entries(lines).map(([key, value]) => `${key}: ${value}\n`);
    writeFileSync(path.join(this.directory, "configs/sites/lab.yaml"), text.join(""));
  }

  /** What the sweeps of `writeSweep` train on. */
  async drawPictures(): Promise<void> {
    const pictures = path.join(this.directory, "pictures");
    await writeDemoSet(pictures, { seed: 5, train: 96, val: 16, domain: "simple" });
  }

  /**
   * Draws the pictures, checks the site and brings our programs there; throws with what that
   * printed if it fails.
   */
  async setUp(): Promise<void> {
    await this.drawPictures();
    await this.json(["site", "setup", "lab", "--gpus", "1", "--slots", "1"]);
  }

  /**
   * Writes `configs/sweeps/NAME.yaml` for the site `lab`: a small model and small pictures. Returns
   * the sweep's name.
   */
  writeSweep(name: string, text: string): string {
    const file = path.join(this.directory, "configs/sweeps", `${name}.yaml`);
    const head = "dataset: {format: vizwiz, root: ../../pictures}\n";
    const body = text.replaceAll("MODEL", "../../tiny-model");
    writeFileSync(file, `name: ${name}\nsite: lab\n${head}${body}`);
    return file;
  }

  /** The demo's own sweep file, for the site `lab`. */
  copyDemo(): string {
    const text = readFileSync("configs/sweeps/demo.yaml", "utf8");
    const file = path.join(this.directory, "configs/sweeps/demo.yaml");
    writeFileSync(file, text.replace("site: local", "site: lab"));
    return file;
  }

  /** Runs the CLI to its end, in the laptop's folder or another one. */
  run(
    words: readonly string[],
    { from = this.directory }: { from?: string } = {},
  ): Promise<{ status: number | null; stdout: string; stderr: string }> {
    const options = { cwd: from, env: this.environment(), maxBuffer: 1 << 26 };
    return new Promise((resolve) => {
      const child = execFile(process.execPath, [QSWEEP, ...words], options, (_, stdout, stderr) => {
        resolve({ status: child.exitCode, stdout, stderr });
      });
    });
  }

  /** Runs the CLI under `--json`; throws with all that it printed when it failed. */
  async json<T>(words: readonly string[], options: { from?: string } = {}): Promise<T> {
    const { status, stdout, stderr } = await this.run([...words, "--json"], options);
    if (status === 0) return JSON.parse(stdout) as T;
    throw new Error(`qsweep ${words.join(" ")}: status ${status}\n${stdout}${stderr}`);
  }

  /** `status --watch`, as a person sees it; `ended` is all that was shown. */
  watch(sweep: string): { saw: (text: RegExp) => Promise<unknown>; ended: Promise<string> } {
    const child = spawn(process.execPath, [QSWEEP, "status", sweep, "--watch"], {
      cwd: this.directory,
      env: this.environment(),
      stdio: ["ignore", "pipe", "pipe"],
      timeout: FINISH_SECONDS * 1000,
    });
    let shown = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (bytes: Buffer) => (shown += bytes.toString()));
    }
    const ended = new Promise<string>((resolve) => {
      child.on("close", () => resolve(shown));
    });
    return { saw: (text) => waitFor(`${String(text)} to be shown`, () => text.test(shown)), ended };
  }

  environment(): NodeJS.ProcessEnv {
    return {
      ...process.env,
      QSWEEP_STATE: path.join(this.directory, "state"),
      QSWEEP_SSH_CONFIG: this.#lab.sshConfig(this.#user),
      SSH_ASKPASS: path.join(this.directory, "askpass"),
      SSH_ASKPASS_REQUIRE: this.#user === "ds" ? "never" : "force",
    };
  }

  /** Where a launched sweep stands; a trial shown as failed is an error of its own. */
  async status(sweep: string): Promise<ShownTrial[]> {
    const { trials } = await this.json<{ trials: ShownTrial[] }>(["status", sweep]);
    const failed = trials.filter(({ state }) => state === "failed");
    if (failed.length === 0) return trials;
    throw new Error(`shown as failed: ${JSON.stringify(failed)}`);
  }

  /** Watches a sweep until every trial is finished; one shown otherwise at the end is an error. */
  async finished(sweep: string): Promise<ShownTrial[]> {
    const shown = await this.watch(sweep).ended;
    const trials = await this.status(sweep);
    const isOver = trials.every(({ state }) => state === "finished");
    if (isOver && !/→ failed/.test(shown)) return trials;
    throw new Error(`sweep ${sweep} did not just finish; the watch showed:\n${shown}`);
  }

  /** How often a one-time code was asked for. */
  codesGiven(): number {
    const file = path.join(this.directory, "codes-given");
    return existsSync(file) ? readFileSync(file, "utf8").split("\n").length - 1 : 0;
  }

  trials(sweep: string): string[] {
    const { trials } = sweepPaths(this.root, sweep);
    return existsSync(trials) ? readdirSync(trials) : [];
  }

  trialDirectory(sweep: string, trial: string): string {
    return path.join(sweepPaths(this.root, sweep).trials, trial);
  }

  /** Events of each attempt, in the order of attempts. */
  events(sweep: string, trial: string): TrialEvent[][] {
    const directory = this.trialDirectory(sweep, trial);
    return attemptNumbers(directory).map((attempt) => {
      const { events } = attemptPaths(directory, attempt);
      const text = existsSync(events) ? readFileSync(events, "utf8") : "";
      const lines = text.split("\n").slice(0, -1);
      return lines.map((line) => TrialEvent.parse(JSON.parse(line)));
    });
  }

  /** Removes the laptop's files and, as all its grid jobs are to be over, the site's. */
  dispose(): void {
    rmSync(this.directory, { recursive: true, force: true });
    rmSync(this.root, { recursive: true, force: true });
  }

  /** Answers passwords and one-time codes in the place of a person, counting the codes. */
  #writeAskPass(): void {
    const secrets = path.join(this.directory, "askpass.json");
    const code = path.join(this.#lab.directory, "ssh", "ds2fa.one-time-code");
    const password = this.#lab.password(this.#user);
    writeFileSync(secrets, JSON.stringify({ password }), { mode: 0o600 });
    const program = path.join(this.directory, "askpass");
    const given = path.join(this.directory, "codes-given");
    writeFileSync(
      program,
      `#!${process.execPath}
const { appendFileSync, readFileSync } = require("node:fs");
const { createHmac } = require("node:crypto");
if (/code/i.test(process.argv[2])) {
  appendFileSync(${JSON.stringify(given)}, "1\\n");
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const secret = readFileSync(${JSON.stringify(code)}, "utf8").trim();
  const bits = [...secret].map((one) => letters.indexOf(one).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30000)));
  const digest = createHmac("sha1", key).update(counter).digest();
  const number = digest.readUInt32BE(digest.at(-1) & 15) & 0x7fffffff;
  console.log(String(number % 1000000).padStart(6, "0"));
} else console.log(JSON.parse(readFileSync(${JSON.stringify(secrets)}, "utf8")).password);
`,
    );
    chmodSync(program, 0o700);
  }
}

/** The TensorFlow of this machine where the lab's users can read it. */
function labTensorFlow(lab: ClusterLab): string {
  const state = readEngineState();
  if (state?.engine !== "native") throw new Error("the lab's pilots need a native engine");
  const folder = path.join(lab.directory, "tensorflow");
  if (!existsSync(folder)) {
    mkdirSync(folder, { mode: 0o755 });
    const files = readdirSync(state.library).filter((name) => /\.so(\.\d+)*$/.test(name));
    for (const name of files) {
      // As links: hundreds of megabytes that are on this disk already.
      execFileSync("cp", ["-l", path.join(state.library, name), folder]);
    }
  }
  return folder;
}
