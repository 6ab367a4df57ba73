import { expect, test } from "vitest";
import { siteChecks } from "../../../orchestrator/site/site-checks.ts";
import type { SiteCheck } from "../../../orchestrator/site/site-check.ts";
import { cluster } from "./cluster.ts";

const nonce = "0123abcd";
const request = { gpus: 1, slots: 4, walltime: "12:00:00" };

/** What a cluster without a fault says, section by section. */
const GOOD: Record<string, [output: string, status: number]> = {
  system: ["Linux x86_64", 0],
  "setup:0": ["", 0],
  node: ["v20.20.2", 0],
  ...Object.fromEntries(
    [
      "bash",
      "tar",
      "gzip",
      "sha256sum",
      "find",
      "timeout",
      "mv",
      "qsub",
      "qstat",
      "qdel",
      "qacct",
    ].map((tool) => [`command:${tool}`, [`/usr/bin/${tool}`, 0]]),
  ),
  queue: ["", 0],
  project: ["name ds598\noticket 0", 0],
  environment: ["pe_name            omp\nslots              999", 0],
  resources: [
    "gpus                gpus       INT       <=    YES         JOB        0        0",
    0,
  ],
  limits: ["max_aj_tasks                 75000\nmax_u_jobs                   0", 0],
  queues: ["qname                 gpu.q\nh_rt                  INFINITY", 0],
  "verify:pilot": ["verification: found suitable queue(s)", 0],
  directory: ["/projectnb/ds598", 0],
  space: [
    "Filesystem     1024-blocks     Used Available Capacity Mounted on\n" +
      "/dev/vda         264212084 16565620  78935644      18% /tmp/a lab",
    0,
  ],
  inodes: [
    "Filesystem       Inodes  IUsed    IFree IUse% Mounted on\n" +
      "/dev/vda       16777216 506675 16270541    4% /tmp/a lab",
    0,
  ],
  quota: ["", 0],
  python: ["3.11.2", 0],
  tensorflow: ["/share/pkg/tensorflow\ncuda", 0],
  redis: ["Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64", 0],
};

interface Said {
  sections?: typeof GOOD;
  /** Sections that never ended: the shell did. */
  cut?: string[];
  site?: Parameters<typeof cluster>[0];
  banner?: string;
}

function checksOf({ sections = {}, cut = [], site = {}, banner = "" }: Said): SiteCheck[] {
  const all = { ...GOOD, ...sections };
  const stdout = Object.entries(all)
    .map(([name, [output, status]]) => {
      const end = cut.includes(name) ? "" : `\n<${nonce}:end:${status}>\n`;
      return `\n<${nonce}:begin:${name}>\n${output}\n${end}`;
    })
    .join("");
  return siteChecks({
    site: cluster(site),
    root: "/projectnb/ds598/students/ds/qsweep",
    through: ["gateway"],
    requests: [{ name: "pilot", request }],
    nonce,
    stdout: `${banner}${stdout}${banner}`,
    stderr: banner,
  });
}

function faults(said: Said): Pick<SiteCheck, "check" | "status" | "message">[] {
  return checksOf(said)
    .filter(({ status }) => status !== "ok")
    .map(({ check, status, message }) => ({ check, status, message }));
}

test("a cluster that offers everything has no fault, whatever its banners say", () => {
  expect(faults({})).toEqual([]);
  expect(faults({ banner: "*** problem: <0000:begin:node> v8 ***\n" })).toEqual([]);
});

test("every fault comes with a remedy, and what is well with none", () => {
  const broken = Object.fromEntries(Object.keys(GOOD).map((name) => [name, ["", 1] as const]));
  const sections: typeof GOOD = Object.fromEntries(
    Object.entries(broken).map(([name, [output, status]]) => [name, [output, status]]),
  );
  for (const { status, remedy } of checksOf({ sections })) {
    expect(remedy === null).toBe(status === "ok");
  }
});

test.each<[title: string, said: Said, check: string, message: RegExp]>([
  [
    "no qsub on PATH",
    { sections: { "command:qsub": ["", 1] } },
    "grid engine",
    /missing from PATH without a terminal: qsub/,
  ],
  [
    "`module` missing",
    { sections: { "setup:0": ["bash: line 9: module: command not found", 127] } },
    "set-up",
    /`module load nodejs` failed: `module` is not defined/,
  ],
  [
    "a module that is not there",
    {
      sections: {
        "setup:0": [
          'Lmod has detected the following error:  The following module(s) are unknown: "nodejs"',
          1,
        ],
      },
    },
    "set-up",
    /`module load nodejs` failed: .*unknown: "nodejs"/,
  ],
  [
    "a module that is not there, by a version of `module` that ends with 0",
    {
      sections: {
        "setup:0": ["ModuleCmd_Load.c(213):ERROR:105: Unable to locate a modulefile", 0],
      },
    },
    "set-up",
    /complains: .*Unable to locate/,
  ],
  [
    "a set-up line that ends the shell",
    { cut: ["setup:0"] },
    "set-up",
    /`module load nodejs` ended the shell/,
  ],
  ["Node too old", { sections: { node: ["v16.20.2", 0] } }, "node", /node is v16.20.2, too old/],
  ["Node one minor too old", { sections: { node: ["v20.18.3", 0] } }, "node", /too old/],
  [
    "no Node",
    { sections: { node: ["bash: line 12: node: command not found", 127] } },
    "node",
    /does not answer: .*command not found/,
  ],
  [
    "another processor",
    { sections: { system: ["Linux aarch64", 0] } },
    "platform",
    /the login host is Linux aarch64/,
  ],
  [
    "an unknown project",
    { sections: { project: ["ds598 is not known as a project", 1] } },
    "project",
    /ds598 is not known as a project/,
  ],
  [
    "an unknown parallel environment",
    { sections: { environment: ["omp is not a parallel environment", 1] } },
    "parallel environment",
    /omp is not a parallel environment/,
  ],
  [
    "an unknown resource",
    { sections: { resources: ["gpu_c gpu_c DOUBLE <= YES NO 0 0", 0] } },
    "gpu resource",
    /there is no resource gpus/,
  ],
  [
    "an unknown project, of which only qsub tells",
    {
      sections: {
        project: ['denied: host "login" is not an admin host', 1],
        "verify:pilot": [
          'Unable to run job: job rejected: the requested project "nope" does not exist\nExiting.',
          1,
        ],
      },
    },
    "request of a pilot",
    /the requested project "nope" does not exist/,
  ],
  [
    "an impossible request",
    {
      sections: {
        "verify:pilot": [
          'Unable to run job: Job 20 (-l gpus=9) cannot run at host "gpu1" because it offers only hc:gpus=2.000000\n' +
            'Job 20 (-l gpus=9) cannot run at host "gpu2" because it offers only hc:gpus=2.000000\n' +
            "verification: no suitable queues\nExiting.",
          1,
        ],
      },
    },
    "request of a pilot",
    /no host can ever run it: .*"gpu1" because it offers only hc:gpus=2.*"gpu2"/,
  ],
  [
    "the user's limit reached",
    {
      sections: {
        limits: ["max_u_jobs                   2", 0],
        queue: [
          "job-ID  prior   name\n-----\n      7 0.55500 STDIN      ds           r\n" +
            "      9 0.55500 STDIN      ds           r  1\n      9 0.55500 STDIN      ds           qw 2",
          0,
        ],
      },
    },
    "limits",
    /you have 2 grid jobs, and 2 are allowed/,
  ],
  [
    "the qmaster away",
    {
      sections: {
        queue: [
          "error: commlib error: got select error (Connection refused)\n" +
            'error: unable to send message to qmaster using port 6444 on host "qmaster": got send error',
          1,
        ],
      },
    },
    "scheduler",
    /qstat does not answer: .*unable to send message/,
  ],
  [
    "a qmaster that hangs",
    { sections: { queue: ["", 124] } },
    "scheduler",
    /gave no answer in time/,
  ],
  [
    "a root that cannot be made",
    { sections: { directory: ["/projectnb", 13] } },
    "root",
    /\/projectnb is not writable/,
  ],
  [
    "a root inside a file",
    { sections: { directory: ["/projectnb/file", 20] } },
    "root",
    /\/projectnb\/file is no directory/,
  ],
  [
    "a full disk",
    { sections: { space: ["Filesystem\n/dev/vda 264212084 264212084 0 100% /x", 0] } },
    "space",
    /0.0 GB free/,
  ],
  [
    "a full quota",
    {
      sections: {
        quota: [
          "Disk quotas for user ds (uid 62001):\n" +
            "     Filesystem  blocks   quota   limit   grace   files   quota   limit   grace\n" +
            "       /dev/vda 10485760* 9437184 10485760   6days   8034       0       0",
          1,
        ],
      },
    },
    "quota",
    /over the limit: \/dev\/vda 10485760\* 9437184/,
  ],
  [
    "a configured redis-server that does not run",
    {
      site: { broker: { redisServer: "/opt/redis" } },
      sections: { redis: ["bash: /opt/redis: No such file or directory", 127] },
    },
    "redis-server",
    /\/opt\/redis does not run: .*No such file/,
  ],
  [
    "an interface that the login host lacks",
    {
      site: { broker: { placement: "login", interface: "ib0" } },
      sections: { interface: ["", 1] },
    },
    "broker",
    /no interface or address ib0/,
  ],
  [
    "a broker that does not answer",
    {
      site: { broker: { url: { host: "redis1", port: 6379, passwordFile: null } } },
      sections: { broker: ["", 124] },
    },
    "broker",
    /redis1:6379 does not answer/,
  ],
])("%s is named as a problem", (_, said, check, message) => {
  expect(faults(said)).toContainEqual({
    check,
    status: "problem",
    message: expect.stringMatching(message) as unknown,
  });
});

test.each<[title: string, said: Said, check: string, message: RegExp]>([
  [
    "a TensorFlow for CPUs where GPUs are asked for",
    { sections: { tensorflow: ["/share/pkg/tensorflow\ncpu", 0] } },
    "tensorflow",
    /is built for CPUs/,
  ],
  [
    "a GPU resource that counts for each slot",
    { sections: { resources: ["gpus gpus INT <= YES YES 0 0", 0] } },
    "gpu resource",
    /counts once for each slot/,
  ],
  [
    "little space",
    { sections: { space: ["Filesystem\n/dev/vda 264212084 264212084 4000000 99% /x", 0] } },
    "space",
    /4.1 GB free/,
  ],
  ["no Redis", { sections: { redis: ["", 1] } }, "redis-server", /set-up brings one/],
])("%s is a warning", (_, said, check, message) => {
  expect(faults(said)).toEqual([
    { check, status: "warning", message: expect.stringMatching(message) as unknown },
  ]);
});

test("others who may read the broker's password are named", () => {
  const url = { host: "redis1", port: 6379, passwordFile: "/home/ds/password" };
  const site = { broker: { url, placement: "url" as const } };
  const sections: typeof GOOD = { broker: ["", 0], password: ["644", 0] };
  expect(faults({ site, sections })).toEqual([
    {
      check: "broker's password",
      status: "problem",
      message: "others may read /home/ds/password",
    },
  ]);
  expect(faults({ site, sections: { ...sections, password: ["600", 0] } })).toEqual([]);
});

test("a login shell that runs nothing is one clear problem", () => {
  const [only, ...others] = siteChecks({
    site: cluster(),
    root: "/r",
    through: [],
    requests: [],
    nonce,
    stdout: "Your password expires in 3 days.\n",
    stderr: "This account is currently not available.\n",
  });
  expect(others).toEqual([]);
  expect(only).toMatchObject({
    check: "shell",
    status: "problem",
    message: expect.stringContaining("This account is currently not available.") as unknown,
  });
});
