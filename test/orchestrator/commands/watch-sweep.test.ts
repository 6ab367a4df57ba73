import { afterEach, beforeEach, expect, it } from "vitest";
import { watchSweep } from "../../../orchestrator/commands/watch-sweep.ts";
import { LaunchedSweep, lease } from "../../rig/launched-sweep.ts";

const ID = "t000000000001";
let sweep: LaunchedSweep;
beforeEach(() => {
  sweep = new LaunchedSweep();
  sweep.add({ id: ID });
});
afterEach(() => sweep.dispose());

/** Watches while `steps` change the sweep, one at each pause; returns the states shown. */
async function watch(...steps: ((user: AbortController) => void)[]) {
  const user = new AbortController();
  const shown: string[] = [];
  await watchSweep({
    access: await sweep.open(),
    view: { show: ({ trials }) => shown.push(trials.map(({ state }) => state).join(" ")) },
    signal: user.signal,
    pause: async () => {
      const step = steps.shift();
      if (!step) throw new Error("watched on after the sweep was settled");
      step(user);
    },
  });
  return shown;
}

it("shows the sweep until every trial is settled", async () => {
  const shown = await watch(
    () => sweep.claim(ID, 1),
    () => sweep.fail(ID, 1),
  );
  expect(shown).toEqual(["planned", "unreachable", "failed"]);
});

it("goes on while another trial is open", async () => {
  sweep.add({ id: "t000000000002" });
  const shown = await watch(
    () => sweep.finish(ID, 1, 0.5),
    () => sweep.stop("all"),
  );
  expect(shown).toEqual(["planned planned", "finished planned", "finished stopped"]);
});

it("ends when the user has seen enough, and asks nothing of the sweep", async () => {
  const shown = await watch((user) => user.abort());
  expect(shown).toEqual(["planned"]);
  expect((await (await sweep.open()).read()).trials[0]?.wish.stopped).toBe(false);
});

it("goes on showing what a witness said while that is silent", async () => {
  const heard = { leases: new Map([[ID, lease(1)]]), live: new Map(), pilots: 1 };
  const shown = await watch(
    () => {
      sweep.claim(ID, 1);
      sweep.witnesses = heard;
    },
    () => (sweep.witnesses = null),
    () => (sweep.witnesses = { ...heard, leases: new Map() }),
    (user) => user.abort(),
  );
  expect(shown).toEqual(["planned", "running", "running", "unreachable"]);
});
