import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { connectCluster } from "../../../orchestrator/adapters/connect-cluster.ts";
import { runCommandLine } from "../../../orchestrator/command-line.ts";
import { registerSiteCommand, type SitePorts } from "../../../orchestrator/commands/site.ts";
import { findNamedSite } from "../../../orchestrator/sweep/find-site.ts";
import { SiteRecord } from "../../../worker/contract/site-proof.ts";
import { Failure } from "../../../worker/contract/failure.ts";
import { type ClusterLab, describeOnLab } from "../../rig/cluster-lab.ts";
import { ShellHost } from "../../rig/shell-host.ts";

const SLOW_MS = 5 * 60_000;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "site-command-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
  process.exitCode = undefined;
});

function describeSite(name: string, yaml: string): void {
  const sites = path.join(folder, "configs", "sites");
  mkdirSync(sites, { recursive: true });
  writeFileSync(path.join(sites, `${name}.yaml`), yaml);
}

/** Runs `qsweep site WORDS --json`; the exit code is that of the process. */
async function site(words: string[], connect: SitePorts["connect"]) {
  const printed = { stdout: "", stderr: "" };
  const code = await runCommandLine({
    words: ["site", ...words, "--json"],
    stdout: { write: (text) => (printed.stdout += text) },
    stderr: { write: (text) => (printed.stderr += text) },
    environment: {},
    register(program, output) {
      registerSiteCommand(program, output, {
        findSite: (name) => findNamedSite(name, folder),
        connect,
      });
    },
  });
  const value: unknown = JSON.parse(printed.stdout);
  return { exitCode: code || process.exitCode || 0, value };
}

const unreached: SitePorts["connect"] = async () => {
  throw new Failure({
    reason: "ssh-unreachable",
    message: "gateway refuses to forward to login",
    remedy: "ask for it",
  });
};

const FAR = "scheduler: sge\nssh: {host: login, jump: gateway}\nroot: /tmp/x\n";

test("a site that cannot be reached is a check that failed, not an error of the command", async () => {
  describeSite("far", FAR);
  expect(await site(["check", "far"], unreached)).toEqual({
    exitCode: 1,
    value: [
      {
        check: "connection",
        status: "problem",
        message: "gateway refuses to forward to login",
        remedy: "ask for it",
      },
    ],
  });
});

test("a site with a problem is not set up", async () => {
  describeSite("far", `${FAR}setup: ["false"]\n`);
  const host = new ShellHost({ PATH: process.env["PATH"] });
  const { exitCode, value } = await site(["setup", "far"], async () => host);
  expect(exitCode).toBe(1);
  expect(value).toContainEqual({
    check: "set-up",
    status: "problem",
    message: expect.stringContaining("`false` failed") as unknown,
    remedy: expect.any(String) as unknown,
  });
  expect(host.ran).toHaveLength(1);
});

test.each([
  [["check", "nowhere"], "site-invalid"],
  [["check", "local"], "usage"],
  [["check", "../models/none"], "site-invalid"],
  [["check", "far", "--gpus", "many"], "usage"],
  [["check", "far", "--walltime", "soon"], "usage"],
])("%j is refused as %s", async (words, reason) => {
  describeSite("far", FAR);
  expect((await site(words, unreached)).value).toMatchObject({ error: { reason } });
});

test("the site file of the working directory goes before the one that qsweep brings", async () => {
  describeSite("local", FAR);
  expect(await findNamedSite("local", folder)).toMatchObject({ scheduler: "sge" });
});

describeOnLab("a cluster behind a gateway", (lab: ClusterLab) => {
  beforeAll(() => void vi.stubEnv("QSWEEP_SSH_CONFIG", lab.sshConfig()));
  afterAll(async () => {
    vi.unstubAllEnvs();
    await lab.on("login", ["rm", "-rf", "a site"]);
  });

  const connect: SitePorts["connect"] = (cluster) => connectCluster(cluster, { note: () => {} });

  function labSite(sge: string): void {
    const lines = [
      "scheduler: sge",
      "ssh: {host: login}",
      'root: "~/a site"',
      "setup: [module load nodejs/20]",
      `sge: {${sge}, parallel_environment: omp, gpu_rule: none}`,
    ];
    describeSite("lab", lines.join("\n"));
  }

  test("is found well, and nothing is changed there", async () => {
    labSite("project: ds598");
    const before = await lab.on("login", ["ls", "-A"]);
    const { exitCode, value } = await site(["check", "lab"], connect);
    expect(value).not.toContainEqual(expect.objectContaining({ status: "problem" }));
    const forwarding = { check: "forwarding", message: "gateway forwards to the login host" };
    expect(value).toContainEqual(expect.objectContaining(forwarding));
    expect(exitCode).toBe(0);
    expect(await lab.on("login", ["ls", "-A"])).toEqual(before);
  });

  test.each([
    ["an impossible request", ["--gpus", "9"], "project: ds598", /no host can ever run it/],
    ["an unknown project", [], "project: nope", /"nope" does not exist/],
    ["an unknown resource", [], "project: ds598, gpu_resource: gpu", /unknown resource "gpu"/],
  ])("says that %s is one", async (_, words, sge, message) => {
    labSite(sge);
    const { exitCode, value } = await site(["check", "lab", ...words], connect);
    expect(exitCode).toBe(1);
    expect(value).toContainEqual(
      expect.objectContaining({
        check: "request of a pilot",
        message: expect.stringMatching(message) as unknown,
      }),
    );
  });

  test("is set up, proved on an execution host, and recorded", { timeout: SLOW_MS }, async () => {
    labSite("project: ds598");
    const { exitCode, value } = await site(["setup", "lab"], connect);
    expect(value).not.toContainEqual(expect.objectContaining({ status: "problem" }));
    expect(exitCode).toBe(0);
    const { stdout } = await lab.on("login", ["cat", "a site/site.json"]);
    const { proofs, host } = SiteRecord.parse(JSON.parse(stdout));
    expect(proofs.map(({ proof }) => proof)).toEqual([
      "shared directory",
      "gpus",
      "engine",
      "redis-server",
      "broker",
    ]);
    expect(host).toMatch(/^gpu[12]$/);
  });
});
