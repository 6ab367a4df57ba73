import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe } from "vitest";

const SCRIPT = path.resolve("test/lab/lab.sh");

/** Several test files may wait for their turn on the lab. */
const TURN_MILLISECONDS = 15 * 60_000;

export type LabHost = "gateway" | "login" | "qmaster" | "gpu1" | "gpu2";

/** `ds` has a key, `dspw` a password, `ds2fa` on login a key, a password and a one-time code. */
export type LabUser = "ds" | "dspw" | "ds2fa";

export interface LabOutcome {
  stdout: string;
  stderr: string;
  /** Null for a command that died of a signal. */
  status: number | null;
}

interface LabRun {
  user?: LabUser | "root";
  /** The command is killed, and the call throws, after this time. */
  timeoutSeconds?: number;
}

/**
 * Why no lab can run here, and its tests are skipped; null where one can. In CI it is null always:
 * there a lab that cannot run fails the tests.
 */
export const labProblem: string | null = process.env["CI"] === "true" ? null : whyNoLab();

/**
 * A suite that has the lab for itself while it runs: all hosts up, plugged in and with their
 * daemons, and no jobs. Suites of other files wait for it.
 */
export function describeOnLab(title: string, cases: (lab: ClusterLab) => void): void {
  const reason = labProblem === null ? "" : ` (skipped: ${labProblem})`;
  describe.skipIf(labProblem !== null)(`${title}${reason}`, () => {
    const lab = new ClusterLab();
    let hold: ChildProcess | null = null;
    beforeAll(async () => {
      hold = await holdLab(lab);
    }, TURN_MILLISECONDS);
    afterAll(() => {
      hold?.stdin?.end();
    });
    cases(lab);
  });
}

/** A cluster of `test/lab/lab.sh`; where the lab itself fails, a call throws its complaint. */
export class ClusterLab {
  /** The same path here and on all hosts of the cluster. */
  readonly directory: string;
  readonly knownHosts: string;
  /** The private key of `ds` and `ds2fa`. */
  readonly identity: string;
  /** A Redis on the host `login`, for the broker placement `url`; user `ds` can read the file. */
  readonly broker: { host: "login"; port: 6379; passwordFile: string };
  readonly #name: string;

  /** The lab `name` as QSWEEP_LAB gives it; the environment's when left out. */
  constructor(name = process.env["QSWEEP_LAB"] ?? "") {
    this.#name = name;
    this.directory = name === "" ? "/tmp/qsweep-lab" : `/tmp/qsweep-lab-${name}`;
    this.knownHosts = path.join(this.directory, "ssh", "known_hosts");
    this.identity = path.join(this.directory, "ssh", "id_ed25519");
    const passwordFile = path.join(this.directory, "redis", "password");
    this.broker = { host: "login", port: 6379, passwordFile };
  }

  /** A file for `ssh -F`, with the hosts `gateway` and, through it, `login`. */
  sshConfig(user: LabUser = "ds"): string {
    return path.join(this.directory, "ssh", `config.${user}`);
  }

  home(user: LabUser = "ds"): string {
    return path.join(this.directory, "home", user);
  }

  password(user: LabUser): string {
    return readFileSync(path.join(this.directory, "ssh", `${user}.password`), "utf8").trim();
  }

  /** The code of `ds2fa` for now: TOTP of RFC 6238, of 6 digits and 30 s. */
  oneTimeCode(): string {
    const file = path.join(this.directory, "ssh", "ds2fa.one-time-code");
    const counter = Buffer.alloc(8);
    counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000)));
    const digest = createHmac("sha1", decodeBase32(readFileSync(file, "utf8").trim()))
      .update(counter)
      .digest();
    const offset = (digest.at(-1) ?? 0) & 0xf;
    return String((digest.readUInt32BE(offset) & 0x7fffffff) % 1_000_000).padStart(6, "0");
  }

  /** Runs a command on a host in the user's home, with a bare environment; as `ds` by default. */
  on(host: LabHost, argv: readonly string[], options: LabRun = {}): Promise<LabOutcome> {
    return this.#run(["on", host, ...argv], options);
  }

  /** Power off: the cable goes first, so that no other host is told. */
  async crash(host: LabHost): Promise<void> {
    await this.command("crash", host);
  }

  /** Power on again, with the host's daemons. */
  async start(host: LabHost): Promise<void> {
    await this.command("start", host);
  }

  /** Pulls the cable of a host, or puts it back. */
  async net(host: LabHost, state: "up" | "down"): Promise<void> {
    await this.command("net", host, state);
  }

  /** Grid Engine's daemon of a host, or sshd with its sessions, and Redis on login. */
  async daemons(host: LabHost, state: "stop" | "start"): Promise<void> {
    await this.command("daemons", host, state);
  }

  /** All processes of a host, numbered as by the machine. */
  async pids(host: LabHost): Promise<number[]> {
    return (await this.command("pids", host)).trim().split(/\s+/).filter(Boolean).map(Number);
  }

  /** What a command of `lab.sh` prints; throws when it fails. */
  async command(...words: string[]): Promise<string> {
    const { status, stdout, stderr } = await this.#run(words, {});
    if (status !== 0) throw new Error(`lab ${words.join(" ")}: status ${status}\n${stderr}`);
    return stdout;
  }

  /** Starts `lab.sh` for this lab. */
  spawn(words: readonly string[], user: LabUser | "root" = "ds"): ChildProcess {
    const env = { ...process.env, QSWEEP_LAB: this.#name, LAB_USER: user };
    // A group of its own, so that a kill reaches what runs inside as well.
    return spawn("bash", [SCRIPT, ...words], { env, detached: true });
  }

  #run(words: readonly string[], { user, timeoutSeconds = 120 }: LabRun): Promise<LabOutcome> {
    return new Promise((resolve, reject) => {
      const child = this.spawn(words, user);
      const outcome = { stdout: "", stderr: "" };
      child.stdin?.end();
      child.stdout?.setEncoding("utf8").on("data", (text: string) => (outcome.stdout += text));
      child.stderr?.setEncoding("utf8").on("data", (text: string) => (outcome.stderr += text));
      const timer = setTimeout(() => {
        if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
        reject(new Error(`lab ${words.join(" ")}: not done after ${timeoutSeconds} s`));
      }, timeoutSeconds * 1000);
      child.on("error", reject);
      child.on("close", (status) => {
        clearTimeout(timer);
        resolve({ ...outcome, status });
      });
    });
  }
}

/** Waits for a turn on the lab; the turn ends with the child's standard input, or with us. */
function holdLab(lab: ClusterLab): Promise<ChildProcess> {
  return new Promise((resolve, reject) => {
    const child = lab.spawn(["hold"]);
    let complaint = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => (complaint += text));
    child.stdout?.once("data", () => resolve(child));
    child.on("error", reject);
    child.on("close", () => reject(new Error(`the lab did not come up: ${complaint}`)));
  });
}

function whyNoLab(): string | null {
  const { status, stdout, error } = spawnSync("bash", [SCRIPT, "check"], { encoding: "utf8" });
  return status === 0 ? null : (error?.message ?? stdout.trim());
}

/** RFC 4648, without padding. */
function decodeBase32(text: string): Buffer {
  const bits = text
    .split("")
    .map((letter) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(letter))
    .map((value) => value.toString(2).padStart(5, "0"))
    .join("");
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
}
