import { expect, test } from "vitest";
import { renderDiagnostics } from "../../../orchestrator/output/diagnostic.ts";
import { readSite } from "../../../orchestrator/sweep/site-config.ts";
import { sourceText } from "../../../orchestrator/sweep/source-text.ts";
import { lines, PLAIN } from "./diagnose.ts";

function read(text: string) {
  return readSite(sourceText({ name: "local.yaml", kind: "file", text }));
}

test("a site needs a scheduler and a root; the rest has defaults", () => {
  expect(read("scheduler: local\nroot: ../data\n").site).toEqual({
    scheduler: "local",
    root: "../data",
    leaseSeconds: 15,
    maxPilots: 16,
    featuresLimitBytes: 50e9,
  });
});

test("lease, limits and the broker's program can be set", () => {
  const text =
    "scheduler: local\nroot: /r\nlease: 1m\npilots: {max: 3}\nfeatures: {limit: 2TB}\n" +
    "broker: {redis_server: /usr/bin/redis}\n";
  expect(read(text).site).toEqual({
    scheduler: "local",
    root: "/r",
    leaseSeconds: 60,
    maxPilots: 3,
    featuresLimitBytes: 2e12,
    redisServer: "/usr/bin/redis",
  });
});

test("what is wrong is shown at its place, all at once", () => {
  const { diagnostics } = read("scheduler: slurm\nlease: 15\nproject: ds598\n");
  expect(renderDiagnostics(diagnostics, PLAIN)).toBe(
    lines(`
      local.yaml:1:12: "slurm" is not supported (supported: local, sge)
        scheduler: slurm
                   ^^^^^

      local.yaml:1:1: missing key "root"
        scheduler: slurm
        ^

      local.yaml:2:8: expected text, got 15
        lease: 15
               ^^

      local.yaml:3:1: unknown key "project" (known here: scheduler, root, lease, pilots, broker, features)
        project: ds598
        ^^^^^^^
      `),
  );
});

test("a cluster needs a login host and a root; the rest has defaults", () => {
  expect(read("scheduler: sge\nssh: {host: scc1.example.edu}\nroot: ~/qsweep\n").site).toEqual({
    scheduler: "sge",
    root: "~/qsweep",
    leaseSeconds: 300,
    maxPilots: 16,
    featuresLimitBytes: 50e9,
    ssh: { host: "scc1.example.edu" },
    setup: [],
    node: "node",
    tensorflow: null,
    slices: 10,
    marginSeconds: 300,
    brokerWaitSeconds: 600,
    broker: {
      placement: "job",
      redisServer: null,
      interface: null,
      walltimeSeconds: 86_400,
      directives: [],
      url: null,
    },
    sge: {
      project: null,
      parallelEnvironment: null,
      gpuResource: "gpus",
      gpuRule: "auto",
      directives: [],
      pollSeconds: 15,
    },
  });
});

test("what goes into a job script must be a single line, and a url needs an address", () => {
  const { diagnostics } = read(
    'scheduler: sge\nssh: {host: h}\nroot: /r\nsge: {project: "a\\nqdel -u me"}\nbroker: {placement: url}\n',
  );
  const messages = diagnostics.map(({ message }) => message);
  expect(messages.toSorted()).toEqual([
    "expected a single line",
    "placement url needs host and port",
  ]);
});
