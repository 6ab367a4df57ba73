// The lab itself: what other tests take for granted of it.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import {
  ClusterLab,
  describeOnLab,
  labProblem,
  type LabOutcome,
  type LabUser,
} from "../rig/cluster-lab.ts";
import { commandFolder } from "../rig/command-folder.ts";
import { waitFor } from "../rig/wait-for.ts";

const folder = mkdtempSync(path.join(tmpdir(), "qsweep-lab-test-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** The OpenSSH client of this machine; prompts are answered by `askpass`. */
function ssh(argv: string[], environment: NodeJS.ProcessEnv = {}): Promise<LabOutcome> {
  return new Promise((resolve) => {
    const env = { ...process.env, ...environment };
    const child = spawn("ssh", argv, { env, stdio: ["ignore", "pipe", "pipe"] });
    const outcome = { stdout: "", stderr: "" };
    child.stdout.setEncoding("utf8").on("data", (text: string) => (outcome.stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (outcome.stderr += text));
    child.on("close", (status) => resolve({ ...outcome, status }));
  });
}

/** Submits a job for gpu1 and waits until it runs. */
async function runningJob(lab: ClusterLab, script: string): Promise<string> {
  const submit = `echo '${script}' | qsub -terse -l h=gpu1 -o /dev/null -j y -S /bin/bash`;
  const id = (await lab.on("login", ["bash", "-c", submit])).stdout.trim();
  await waitFor(`job ${id} to run`, () => inState(lab, id, "r"));
  return id;
}

/** Whether qstat shows the job with just these letters. */
async function inState(lab: ClusterLab, id: string, state: string): Promise<boolean> {
  const rows = (await lab.on("login", ["qstat"])).stdout.split("\n");
  return rows.some((row) => {
    const [job, , , , letters] = row.trim().split(/\s+/);
    return job === id && letters === state;
  });
}

describeOnLab("a job on the lab", (lab) => {
  const onLogin = async (command: string) => {
    const { stdout, stderr, status } = await ssh(["-F", lab.sshConfig(), "login", command]);
    expect(stderr).toBe("");
    expect(status).toBe(0);
    return stdout;
  };

  it("is submitted by the laptop through the gateway, and accounted for", async () => {
    const script = "#!/bin/bash -l\nmodule load nodejs\nnode -p 6*7\nenv\nexit 3\n";
    const resources = "-P ds598 -pe omp 4 -l gpus=1 -l h_rt=0:10:0";
    const submit = `printf '%s' '${script}' | qsub -terse -N answer -j y ${resources}`;
    const id = (await onLogin(submit)).trim();
    const record = await waitFor("the job's accounting", async () => {
      const { stdout, status } = await lab.on("login", ["qacct", "-j", id]);
      return status === 0 && stdout;
    });
    expect(record).toMatch(/^exit_status\s+3\s*$/m);
    expect(record).toMatch(/^granted_pe\s+omp\s*$/m);
    const output = readFileSync(path.join(lab.home(), `answer.o${id}`), "utf8");
    expect(output).toMatch(/^42$/m);
    expect(output).not.toMatch(/^(?:VITEST|CI|SSH_CLIENT)=/m);
  });

  it("of one GPU waits for the other of the same host", async () => {
    const submit = "echo 'sleep 600' | qsub -terse -l h=gpu1,gpus=1 -o /dev/null -j y";
    const [first, second] = [(await onLogin(submit)).trim(), (await onLogin(submit)).trim()];
    await waitFor("the first job to run", () => inState(lab, first, "r"));
    expect(await inState(lab, second, "qw")).toBe(true);
    await lab.on("login", ["qdel", first]);
    await waitFor("the second job to run", () => inState(lab, second, "r"));
    await lab.on("login", ["qdel", second]);
  });

  it("is shown as running when its host has crashed, and ends when the host is back", async () => {
    const id = await runningJob(lab, "sleep 600");
    await lab.crash("gpu1");
    expect(await lab.pids("gpu1")).toEqual([]);
    expect(await inState(lab, id, "r")).toBe(true);
    await lab.start("gpu1");
    await waitFor("the end of the job", async () => !(await inState(lab, id, "r")));
  });
});

describeOnLab("the lab's network", (lab) => {
  const reaches = async (port: string) => {
    const argv = ["timeout", "1", "bash", "-c", `: </dev/tcp/${port}`];
    return (await lab.on("login", argv)).status === 0;
  };

  it("lets the laptop reach the gateway only", async () => {
    const inner = (await lab.on("gateway", ["getent", "hosts", "login"])).stdout.split(" ")[0];
    const direct = await ssh(["-o", "ConnectTimeout=5", `ds@${inner}`, "true"]);
    expect(direct.status).toBe(255);
    expect((await ssh(["-F", lab.sshConfig(), "gateway", "hostname"])).stdout).toBe("gateway\n");
  });

  it("is cut by a pulled cable, until it is back", async () => {
    expect(await reaches("gpu1/6445")).toBe(true);
    await lab.net("gpu1", "down");
    expect(await reaches("gpu1/6445")).toBe(false);
    expect(await reaches("gpu2/6445")).toBe(true);
    await lab.net("gpu1", "up");
    expect(await reaches("gpu1/6445")).toBe(true);
  });

  it("has a broker on login for those who know its password", async () => {
    const { host, passwordFile } = lab.broker;
    const ping = `REDISCLI_AUTH=$(cat ${passwordFile}) redis-cli -h ${host} ping`;
    expect((await lab.on("gpu1", ["bash", "-c", ping])).stdout).toBe("PONG\n");
    expect((await lab.on("gpu1", ["redis-cli", "-h", host, "ping"])).stdout).toContain("NOAUTH");
  });
});

describeOnLab("the lab's users", (lab) => {
  const login = async (user: LabUser, words: string[]) => {
    const asked = path.join(mkdtempSync(path.join(folder, "asked-")), "prompts");
    const askpass = `echo "$1" >>"$ASKED"
      case "$1" in *[Cc]ode*) echo "$CODE" ;; *) echo "$PASSWORD" ;; esac`;
    const outcome = await ssh(["-F", lab.sshConfig(user), ...words], {
      SSH_ASKPASS: path.join(commandFolder(folder, { askpass }), "askpass"),
      SSH_ASKPASS_REQUIRE: "force",
      ASKED: asked,
      PASSWORD: lab.password(user),
      CODE: lab.oneTimeCode(),
    });
    const prompts = existsSync(asked) ? readFileSync(asked, "utf8").trim().split("\n") : [];
    return { ...outcome, prompts };
  };

  it.each([
    { user: "ds", host: "login", kinds: [] },
    { user: "dspw", host: "gateway", kinds: ["Password"] },
    { user: "dspw", host: "login", kinds: ["Password", "Password"] },
    { user: "ds2fa", host: "gateway", kinds: [] },
    { user: "ds2fa", host: "login", kinds: ["Password", "Verification code"] },
  ] as const)("$user logs in to $host and is asked for $kinds", async ({ user, host, kinds }) => {
    const { stdout, prompts } = await login(user, [host, "whoami"]);
    expect(stdout).toBe(`${user}\n`);
    expect(prompts.map((prompt) => /Password|Verification code/.exec(prompt)?.[0])).toEqual(kinds);
  });

  it("are no users of this machine", () => {
    expect(readFileSync("/etc/passwd", "utf8")).not.toMatch(/^(?:ds|dspw|ds2fa|sgeadmin):/m);
  });

  it("find Node by `module load` in a login shell only", async () => {
    const node = "command -v node";
    expect((await login("ds", ["login", node])).stdout).toBe("");
    const loaded = await login("ds", ["login", `bash -lc 'module load nodejs; ${node}'`]);
    expect(loaded.stdout).toContain("/software/nodejs/bin/node");
    const unknown = await login("ds", ["login", "bash -lc 'module load nodej'"]);
    expect(unknown.status).toBe(1);
    expect(unknown.stderr).toContain('The following module(s) are unknown: "nodej"');
  });

  it("do not see the laptop's checkout", async () => {
    expect((await lab.on("login", ["ls", "-A", path.resolve()])).stdout).toBe("");
  });
});

// Skipped where no lab can run: the reason stands in the titles of the other suites.
describe.skipIf(labProblem !== null)("a lab of another name", () => {
  const lab = new ClusterLab("spare");
  afterEach(() => lab.command("down"));

  /** What there is of it on this machine. */
  const traces = () =>
    [
      ...readdirSync("/run/netns").map((name) => `/run/netns/${name}`),
      ...readFileSync("/proc/mounts", "utf8").split("\n"),
      ...readdirSync("/tmp").map((name) => `/tmp/${name}`),
      ...readdirSync("/proc").map(commandLine),
    ].filter((line) => line.includes("qsweep-spare") || line.includes(lab.directory));

  const network = () => [readdirSync("/sys/class/net"), readFileSync("/proc/net/route", "utf8")];

  it("leaves nothing behind, though its `up` was killed", async () => {
    const before = network();
    const up = lab.spawn(["up"]);
    await waitFor("the last host", () => existsSync(path.join(lab.directory, "run", "gpu2.pid")));
    up.kill("SIGKILL");
    expect(traces()).not.toEqual([]);
    expect(network()).not.toEqual(before);
    await lab.command("down");
    expect(traces()).toEqual([]);
    expect(network()).toEqual(before);
  });

  it("is repaired by `up` after that of it was killed, and after a crash", async () => {
    const up = lab.spawn(["up"]);
    await waitFor("the last host", () => existsSync(path.join(lab.directory, "run", "gpu2.pid")));
    up.kill("SIGKILL");
    await lab.command("up");
    await lab.crash("gpu2");
    await lab.daemons("login", "stop");
    await lab.net("gateway", "down");
    await expect(lab.command("status")).rejects.toThrow("status 1");
    await lab.command("up");
    expect(await lab.command("status")).toMatch(/^gpu2 +on$/m);
    const hostname = await ssh(["-F", lab.sshConfig(), "login", "hostname"]);
    expect(hostname.stdout).toBe("login\n");
  });

  it("runs its jobs on while the qmaster is away", async () => {
    await lab.command("up");
    const [go, done] = [path.join(lab.home(), "go"), path.join(lab.home(), "done")];
    await runningJob(lab, `until [ -e ${go} ]; do sleep 0.1; done; touch ${done}`);
    await lab.daemons("qmaster", "stop");
    const { stderr, status } = await lab.on("login", ["qstat"]);
    expect(status).toBe(1);
    expect(stderr).toContain("unable to send message to qmaster");
    await lab.on("login", ["touch", go]);
    await waitFor("the job's last act", () => existsSync(done));
    await lab.daemons("qmaster", "start");
    expect((await lab.on("login", ["qstat"])).status).toBe(0);
  });
});

function commandLine(pid: string): string {
  const file = `/proc/${pid}/cmdline`;
  try {
    return /^\d+$/.test(pid) ? readFileSync(file, "utf8") : "";
  } catch {
    return ""; // It ended meanwhile.
  }
}
