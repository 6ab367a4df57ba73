import { expect, it } from "vitest";
import { gridFailure, isUnanswered } from "../../../orchestrator/sge/grid-failure.ts";
import { qsubOutcome, verdictOf } from "../../../orchestrator/sge/qsub-answer.ts";
import { sampleResult } from "../../rig/sge-samples.ts";

it.each([
  ["qsub-terse", "2"],
  ["qsub-array-terse", "4"],
  ["qsub-plain", "1"],
  ["qsub-array", "3"],
  ["unsatisfiable-accepted", "19"],
])("reads the number in %s", (sample, job) => {
  expect(qsubOutcome(sampleResult(`${sample}.txt`))).toEqual({ kind: "submitted", job });
});

it("takes the last line of that form for the number", () => {
  const stdout = "12\nYour quota: 80 %\n4.1-8:2\n\n";
  expect(qsubOutcome({ status: 0, stdout, stderr: "" })).toEqual({ kind: "submitted", job: "4" });
});

it.each([
  ["a success without a number", { status: 0, stdout: "submitted\n", stderr: "" }],
  ["the time-out", { status: 124, stdout: "", stderr: "" }],
  ["a kill", { status: 137, stdout: "", stderr: "" }],
  [
    "a connection lost before the answer",
    { status: 1, stdout: "", stderr: "error: failed receiving gdi request response" },
  ],
])("does not know what became of qsub after %s", (_, result) => {
  expect(qsubOutcome(result)).toEqual({ kind: "unknown" });
});

it.each([
  "err-pe",
  "err-project",
  "err-l-time",
  "err-option",
  "err-no-script",
  "qmaster-down-qsub",
])("knows after %s that nothing was submitted", (sample) => {
  expect(qsubOutcome(sampleResult(`${sample}.txt`))).toEqual({ kind: "unsent" });
});

it.each([
  ["err-l-time", 'qsub was refused: attribute "h_rt" is not a time value', /`resources`/],
  ["err-l-value", 'qsub was refused: attribute "gpus" is not a integer value', /`resources`/],
  ["err-option", 'qsub was refused: qsub: invalid option argument "-zz"', /`sge.directives`/],
  ["unsatisfiable-we", "qsub was refused: no suitable queues", /Ask for less/],
])("says of %s what was refused and what to correct", (sample, message, remedy) => {
  const failure = gridFailure("qsub", sampleResult(`${sample}.txt`));
  expect(failure).toMatchObject({ reason: "scheduler-refused", message });
  expect(failure.remedy).toMatch(remedy);
});

it.each(["qmaster-down-qdel", "qmaster-down-qhost", "qmaster-down-qstat", "qmaster-down-qsub"])(
  "takes %s for no answer",
  (sample) => {
    const result = sampleResult(`${sample}.txt`);
    expect(isUnanswered(result)).toBe(true);
    expect(gridFailure("qstat", result).reason).toBe("scheduler-unreachable");
  },
);

it("takes a cable that is out for no answer", () => {
  const stderr = "error: commlib error: got select error (No route to host)\n";
  expect(gridFailure("qstat", { status: 1, stdout: "", stderr }).reason).toBe(
    "scheduler-unreachable",
  );
});

it("tells each host's reason from a verification", () => {
  expect(verdictOf(sampleResult("unsatisfiable-verify.txt").stderr)).toEqual({
    runnable: false,
    reasons: [
      '(-l gpus=9) cannot run at host "gpu1" because it offers only hc:gpus=2.000000',
      '(-l gpus=9) cannot run at host "gpu2" because it offers only hc:gpus=2.000000',
    ],
  });
});

it("takes a refusal of the request itself for no verification", () => {
  expect(verdictOf(sampleResult("err-project.txt").stderr)).toBeNull();
});
