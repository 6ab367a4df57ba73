import { expect, it } from "vitest";
import { qstatRows } from "../../../orchestrator/sge/qstat-rows.ts";
import { hasTask, taskCount, taskRanges } from "../../../orchestrator/sge/task-ranges.ts";
import { taskState } from "../../../orchestrator/sge/task-state.ts";
import { sampleText } from "../../rig/sge-samples.ts";

it("has a row for each running task and one for those that wait together", () => {
  const rows = qstatRows(sampleText("qstat-xml.xml")) ?? [];
  expect(rows.map(({ job, task, tasks, state, host }) => [job, task, tasks, state, host])).toEqual([
    ["3", 1, 1, "running", "gpu1"],
    ["3", 2, 1, "running", "gpu2"],
    ["3", 3, 1, "running", "gpu2"],
    ["3", 4, 1, "running", "gpu1"],
    ["4", 1, 1, "running", "gpu2"],
    ["5", null, 1, "running", "gpu1"],
    ["4", null, 3, "waiting", null],
  ]);
});

it("reads an answer without rows as empty, and no answer as none", () => {
  const empty = sampleText("qstat-empty.xml");
  expect(qstatRows(empty)).toEqual([]);
  expect(qstatRows("")).toBeNull();
  expect(qstatRows("error: commlib error")).toBeNull();
  expect(qstatRows(sampleText("qstat-j-unknown-xml.txt"))).toBeNull();
});

it.each([0.1, 0.3, 0.5, 0.7, 0.9, 0.99])("takes an answer cut off at %d of it for none", (part) => {
  const text = sampleText("qstat-xml.xml");
  expect(qstatRows(text.slice(0, Math.floor(text.length * part)))).toBeNull();
});

it("reads past what a login prints around the answer", () => {
  const text = `Welcome!\n${sampleText("qstat-S.xml")}logout\n`;
  expect(qstatRows(text)?.map(({ state }) => state)).toEqual([
    "running",
    "suspended",
    "suspended",
    "suspended",
    "suspended",
  ]);
});

it("keeps names as they are, numbers and escapes among them", () => {
  const text = sampleText("qstat-S.xml").replace("<JB_name>rr<", "<JB_name>007 &lt;a&apos;<");
  expect(qstatRows(text)?.[0]?.name).toBe("007 <a'");
});

/** Every state of sge_status(5). */
it.each([
  ["waiting", "qw Rq"],
  ["held", "hqw hRwq"],
  ["running", "r t hr Rr Rt"],
  ["suspended", "s ts S tS T tT Rs Rts RS RtS RT RtT"],
  ["error", "Eqw Ehqw EhRqw"],
  ["deleting", "dr dt dRr ds dS dT dRs"],
] as const)("calls %s: %s", (state, letters) => {
  expect([...new Set(letters.split(" ").map(taskState))]).toEqual([state]);
});

it("counts tasks in lists of numbers and ranges", () => {
  const ranges = taskRanges("5-9:1,13,14,16-20:2");
  expect(ranges && taskCount(ranges)).toBe(5 + 2 + 3);
  expect([5, 14, 18].every((task) => ranges && hasTask(ranges, task))).toBe(true);
  expect([4, 15, 17, 21].some((task) => ranges && hasTask(ranges, task))).toBe(false);
});

it.each(["", "undefined", "5-", "9-5:1", "1-5:0", "1,,2"])("takes %j for no tasks", (text) => {
  expect(taskRanges(text)).toBeNull();
});
