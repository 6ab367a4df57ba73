import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { TrialEvent } from "../../../worker/contract/trial-event.ts";
import type { TrialSpec } from "../../../worker/contract/trial-spec.ts";
import {
  endOf,
  makeTinySetting,
  newTrialDirectory,
  readEvents,
  runTinyAttempt,
  tinySpec,
  type TinySetting,
} from "./tiny-trial.ts";

const STEPS = 6;
const afterStep = (step: number) => (event: TrialEvent) =>
  event.type === "step" && event.step === step ? "stop" : null;
const inValidation = (event: TrialEvent) => (event.type === "validating" ? "walltime" : null);

describe.each([
  ["full", "compiled"],
  ["lora", "compiled"],
  ["full", "eager"],
  ["lora", "eager"],
  ["full", "wasm"],
  ["lora", "wasm"],
  ["full", "cpu"],
  ["lora", "cpu"],
] as const)("a stopped and resumed trial, method %s, %s", (method, way) => {
  const engine = way === "wasm" || way === "cpu" ? { engine: way } : {};
  let setting: TinySetting;
  let spec: TrialSpec;
  let expected: Awaited<ReturnType<typeof endOf>>;

  beforeAll(async () => {
    vi.stubEnv("QSWEEP_EAGER", way === "compiled" ? "0" : "1");
    setting = await makeTinySetting();
    spec = await tinySpec(setting, method);
    const trialDirectory = await newTrialDirectory(setting);
    const exit = await runTinyAttempt(spec, { ...engine, trialDirectory, attempt: 1 });
    expect(exit).toEqual({ version: 1, outcome: "finished", step: STEPS });
    expected = await endOf(trialDirectory, [1]);
  });

  afterAll(async () => {
    vi.unstubAllEnvs();
    await setting.dispose();
  });

  it.each([
    ["within an epoch", afterStep(1), { step: 1, why: "stop" }],
    ["before the last step of an epoch", afterStep(2), { step: 2, why: "stop" }],
    ["between an epoch's last step and its validation", afterStep(3), { step: 3, why: "stop" }],
    ["in the middle of a validation", inValidation, { step: 3, why: "walltime" }],
    ["in the last epoch", afterStep(5), { step: 5, why: "stop" }],
    ["before the last validation", afterStep(6), { step: 6, why: "stop" }],
  ] as const)("ends bit for bit like one never stopped: %s", async (_, stopAfter, handedBack) => {
    const trialDirectory = await newTrialDirectory(setting);
    const first = await runTinyAttempt(spec, { ...engine, trialDirectory, attempt: 1, stopAfter });
    expect(first).toEqual({ version: 1, outcome: "handed-back", ...handedBack });
    const second = await runTinyAttempt(spec, { ...engine, trialDirectory, attempt: 2 });
    expect(second).toEqual({ version: 1, outcome: "finished", step: STEPS });
    expect(await endOf(trialDirectory, [1, 2])).toEqual(expected);
  });

  it("ends like one never stopped when it is stopped after every step", async () => {
    const trialDirectory = await newTrialDirectory(setting);
    const attempts = [];
    for (let step = 1; step <= STEPS; step += 1) {
      attempts.push(step);
      const stopAfter = afterStep(step);
      await runTinyAttempt(spec, { ...engine, trialDirectory, attempt: step, stopAfter });
    }
    attempts.push(STEPS + 1);
    await runTinyAttempt(spec, { ...engine, trialDirectory, attempt: STEPS + 1 });
    expect(await endOf(trialDirectory, attempts)).toEqual(expected);
    const [started] = await readEvents(trialDirectory, STEPS + 1);
    expect(started).toMatchObject({ type: "started", step: STEPS });
  });
});
