import { afterEach, beforeEach, expect, test } from "vitest";
import { localSite } from "../../../orchestrator/adapters/local-site.ts";
import { runCommandLine } from "../../../orchestrator/command-line.ts";
import { registerLaunchCommand } from "../../../orchestrator/commands/launch.ts";
import type { LaunchSite, PoolNeed } from "../../../orchestrator/ports/launch-site.ts";
import type { Site } from "../../../orchestrator/sweep/find-site.ts";
import { Failure } from "../../../worker/contract/failure.ts";
import { SweepFolder } from "../sweep/sweep-folder.ts";

let folder: SweepFolder;
beforeEach(() => {
  folder = new SweepFolder();
});
afterEach(() => folder[Symbol.dispose]());

interface Staged {
  needs: PoolNeed[];
  /** The pool whose request the scheduler refuses. */
  refused?: string;
}

/** Runs `launch` of the tiny sweep; the site only notes what it was asked to do. */
async function launch({ needs, refused }: Staged, ...words: string[]) {
  const asked: string[] = [];
  const printed = { stdout: "", stderr: "" };
  const note = async (word: string) => void asked.push(word);
  const changes = { added: ["t1", "t2"], kept: [], removed: ["t3"] };
  const launchSite: LaunchSite = {
    compare: async () => changes,
    record: async () => {
      await note("record");
      return changes;
    },
    prepare: () => note("prepare"),
    pools: async () => needs,
    submitPilots: async (_, { pool, pilots }) => {
      if (pool === refused) throw refusal;
      await note(`${pilots} pilots of ${pool}`);
    },
    submitBroker: () => note("broker"),
  };
  const sites = {
    open: async (site: Site) => ({
      ...localSite(site.root),
      launchSite: () => launchSite,
      access: (name: string) =>
        Object.assign(localSite(site.root).access(name), { close: () => note("close") }),
      upload: async () => 0,
    }),
    lazily: async (site: Site) => localSite(site.root),
  };
  const exitCode = await runCommandLine({
    words: ["launch", folder.sweep, ...words],
    stdout: { write: (text) => (printed.stdout += text) },
    stderr: { write: (text) => (printed.stderr += text) },
    environment: {},
    register(program, output) {
      const watch = (): Promise<void> => note("watch");
      registerLaunchCommand(program, output, { sites, remember: () => {}, watch });
    },
  });
  return { exitCode, asked, ...printed };
}

const refusal = new Failure({
  reason: "scheduler-refused",
  message: "no host can ever run this request",
  remedy: "Ask for less.",
});

const need = (pool: string, unsettled: number, live = 0): PoolNeed => ({ pool, unsettled, live });

test("pilots come before the broker's grid job, as many as have something to do", async () => {
  const { asked, stdout } = await launch({ needs: [need("p1", 1)] }, "--json");
  expect(asked).toEqual(["record", "prepare", "1 pilots of p1", "broker"]);
  expect(JSON.parse(stdout)).toEqual({
    sweep: "tiny",
    added: 2,
    kept: 0,
    removed: 1,
    unsettled: 1,
    pilots: { live: 0, submitted: 1 },
  });
});

test("where enough pilots are there, only the broker is made sure of", async () => {
  const { asked } = await launch({ needs: [need("p1", 5, 2)] });
  expect(asked).toEqual(["record", "prepare", "broker"]);
});

test("where every trial is settled nothing is started", async () => {
  const { asked, stdout } = await launch({ needs: [need("p1", 0, 1)] });
  expect(asked).toEqual(["record"]);
  expect(stdout).toBe("every trial is settled: nothing to run\n");
});

test("pilots that are refused leave no broker behind", async () => {
  const { asked, exitCode, stderr } = await launch({ needs: [need("p1", 2)], refused: "p1" });
  expect(asked).toEqual(["record", "prepare"]);
  expect(exitCode).toBe(1);
  expect(stderr).toContain("no host can ever run this request");
});

test("a sweep that was watched is closed, so that nothing keeps the process alive", async () => {
  const { asked } = await launch({ needs: [need("p1", 0)] }, "--watch");
  expect(asked).toEqual(["record", "watch", "close"]);
});

test("what leaves the file is said before anything is recorded", async () => {
  const { stderr } = await launch({ needs: [need("p1", 0)] });
  expect(stderr).toContain(
    "(2 new, 0 known, 1 no longer in the file (going on; --prune stops them))",
  );
  const pruned = await launch({ needs: [need("p1", 0)] }, "--prune");
  expect(pruned.stderr).toContain("1 no longer in the file (stopped)");
});
