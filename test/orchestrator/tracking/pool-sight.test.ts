import { expect, it } from "vitest";
import type { GridTask } from "../../../orchestrator/ports/scheduler.ts";
import { gridSights, poolSights } from "../../../orchestrator/tracking/pool-sight.ts";
import type { TrialState } from "../../../orchestrator/tracking/trial-state.ts";
import type { GridWitness } from "../../../orchestrator/tracking/witnesses.ts";
import type { Submission } from "../../../worker/files/submission-directory.ts";

const submission = (token: string, pool: string, values: Partial<Submission> = {}): Submission => ({
  version: 1,
  token,
  program: "pilot",
  pool,
  at_once: 2,
  slices: 10,
  directory: "",
  job: "7",
  isDone: false,
  left: [],
  ...values,
});
const task = (token: string, values: Partial<GridTask> = {}): GridTask => ({
  job: "7",
  task: 1,
  tasks: 1,
  name: `qs${token}-demo`,
  state: "running",
  shown: "r",
  host: "gpu1",
  ...values,
});
const later = { task: null, tasks: 18, state: "waiting", shown: "qw", host: null } as const;
const POOLS = [
  { pool: "p1", pilots: 2, trials: ["a", "b", "c"] },
  { pool: "p2", pilots: 1, trials: ["d"] },
];
const witness = (values: Partial<GridWitness>): GridWitness => ({
  ageSeconds: 3,
  isCurrent: true,
  tasks: [],
  submissions: [submission("aaaaaaaa", "p1"), submission("bbbbbbbb", "p2")],
  ends: [],
  failedSetUps: [],
  ...values,
});
const states = (...list: TrialState[]) =>
  new Map(["a", "b", "c", "d"].flatMap((id, index) => (list[index] ? [[id, list[index]]] : [])));
const sightOf = (values: Partial<GridWitness>) => poolSights(POOLS, witness(values), new Map())[0];

it("counts pilots that run, and those that wait for a place but not the slices after them", () => {
  const tasks = [task("aaaaaaaa"), task("aaaaaaaa", later)];
  expect(sightOf({ tasks })).toMatchObject({ running: 1, waiting: 1, errors: [] });
});

it("counts no task of another pool, another sweep, or a submission that is done", () => {
  const submissions = [submission("aaaaaaaa", "p1", { isDone: true })];
  expect(sightOf({ tasks: [task("aaaaaaaa")], submissions })).toMatchObject({ running: 0 });
  expect(sightOf({ tasks: [task("bbbbbbbb"), task("cccccccc")] })).toMatchObject({ running: 0 });
});

it("names tasks in an error state, which are no pilots to wait for", () => {
  const tasks = [task("aaaaaaaa", { task: 2, state: "error", shown: "Eqw", host: null })];
  const errors = [{ task: "7.2", shown: "Eqw" }];
  expect(sightOf({ tasks })).toMatchObject({ running: 0, waiting: 0, errors });
});

it("counts the trials of each pool that want a pilot", () => {
  const seen = poolSights(POOLS, witness({}), states("queued", "unreachable", "running", "failed"));
  expect(seen.map(({ trialsWaiting }) => trialsWaiting)).toEqual([2, 0]);
});

it("names failed set-ups only while no pilot of the pool gets further", () => {
  const failedSetUps = [{ pool: "p1", task: "7.1", why: "there is no Node" }];
  expect(sightOf({ failedSetUps })?.failedSetUps).toEqual(failedSetUps);
  expect(sightOf({ failedSetUps, tasks: [task("aaaaaaaa")] })?.failedSetUps).toEqual([]);
});

it("tells each trial of its own pool's pilots", () => {
  const sights = gridSights(POOLS, witness({ tasks: [task("aaaaaaaa"), task("aaaaaaaa", later)] }));
  expect(sights.get("a")).toMatchObject({ livePilots: 2, ageSeconds: 3 });
  expect(sights.get("d")?.livePilots).toBe(0);
  expect(sights.get("d")?.rows.get("7.1")?.shown).toBe("r");
});
