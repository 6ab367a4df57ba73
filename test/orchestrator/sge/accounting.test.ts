import { expect, it } from "vitest";
import { gridEnds } from "../../../orchestrator/sge/accounting.ts";
import { sampleText } from "../../rig/sge-samples.ts";

/** The truth table of the notes on this Grid Engine, event by event. */
it.each([
  ["qacct-ok", "exit", 0],
  ["qacct-exit3", "exit", 3],
  ["qacct-job-gpu-pe-project", "exit", 0],
  ["qacct-hrt", "walltime", 137],
  ["qacct-hrt-notify", "walltime", 137],
  ["qacct-over-hrt-while-execd-down", "walltime", 0],
  ["qacct-srt-then-hrt-late", "walltime", 137],
  ["qacct-sigkill-self", "killed", 137],
  ["qacct-qdel", "killed", 137],
  ["qacct-qdel-notify", "killed", 137],
  ["qacct-killed-by-USR2-no-handler", "killed", 140],
  ["qacct-Eqw-deleted", "setup", 0],
  ["qacct-Eqw-output", "setup", 0],
  ["qacct-host-crashed", "node-lost", 0],
  ["qacct-finished-while-execd-down", "exit", 3],
  ["qacct-finished-while-qmaster-down", "exit", 5],
  ["qacct-rescheduled", "exit", 0],
] as const)("reads %s as %s with status %i", (sample, how, status) => {
  const ends = gridEnds(sampleText(`${sample}.txt`));
  expect(ends).toMatchObject([{ task: null, how, status }]);
});

it("has one end for each task of an array, in their order", () => {
  const ends = gridEnds(sampleText("qacct-array.txt"));
  expect(ends.map(({ job, task }) => `${job}.${task}`)).toEqual(["9.1", "9.2"]);
});

it("takes the limit of memory for what it is when the time was not over", () => {
  const text = sampleText("qacct-hrt.txt").replace("-l h_rt=8", "-l h_rt=1:0:0,h_vmem=4G");
  expect(gridEnds(text)).toMatchObject([{ how: "killed" }]);
});

it("keeps a rescheduling only where nothing came of it", () => {
  const [, first = ""] = sampleText("qacct-rescheduled.txt").split(/^={10,}$/m);
  expect(gridEnds(first)).toMatchObject([{ how: "rescheduled" }]);
});

it("leaves out a success without times, which is not whole yet", () => {
  const text = sampleText("qacct-ok.txt");
  expect(gridEnds(text)).toHaveLength(1);
  expect(gridEnds(text.replace(/^end_time .*$/m, "end_time     -/-"))).toEqual([]);
  const first = "end_time     Thu Jan  1 00:00:00 1970";
  expect(gridEnds(text.replace(/^end_time .*$/m, first))).toEqual([]);
});

it("leaves out a record that was cut off", () => {
  const text = sampleText("qacct-exit3.txt");
  expect(gridEnds(text.slice(0, text.indexOf("exit_status")))).toEqual([]);
});

it("says in one line what the accounting says", () => {
  const [end] = gridEnds(sampleText("qacct-hrt.txt"));
  expect(end?.said).toBe(
    "failed 37 : qmaster enforced h_rt, h_cpu, or h_vmem limit, exit_status 137 (Killed), " +
      "ru_wallclock 9s, maxvmem 5.379MB",
  );
});
