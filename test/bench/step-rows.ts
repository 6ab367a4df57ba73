import path from "node:path";
import { trainerEnvironment } from "../../worker/engine/engine-state.ts";
import { ADAPTER } from "./adapter.ts";
import { alternate, sideOf, type Taken } from "./alternate.ts";
import type { ContestantProgram } from "./contestant.ts";
import { type ModelSize, MODEL_SIZES, writeModelFolder } from "./model-sizes.ts";
import type { BenchContext, Row, RowResult } from "./row.ts";

/** Of both sides, as the targets are set for it. */
export const THREADS = 2;
/** PyTorch's first three steps are slower than all that follow. */
const WARM_UPS = 3;
const STEP_SECONDS = 400;

type Method = "full" | "lora";

/** A step of all weights at a size where both sides fit into memory together. */
export const stepSmall: Row = {
  name: "step-small",
  compares: "a full fine-tuning step of a 6.8 M weight BLIP, 16 pictures of 96 px, 20 tokens",
  minutes: 2,
  run: (bench) =>
    measureSteps(bench, {
      size: "small",
      method: "full",
      ways: ["compiled", "eager"],
      turns: 30,
      processes: "together",
    }),
};

export const stepBase: Row = {
  name: "step-base",
  compares: "a full fine-tuning step of BLIP base, 2 pictures of 384 px, 20 tokens",
  minutes: 8,
  heavy: true,
  run: (bench) =>
    measureSteps(bench, {
      size: "base",
      method: "full",
      ways: ["compiled"],
      turns: 10,
      processes: "apart",
    }),
};

export const loraStepLarge: Row = {
  name: "lora-step-large",
  compares: "a LoRA step of BLIP large, 2 pictures of 384 px, 20 tokens, encoder frozen",
  minutes: 8,
  heavy: true,
  run: (bench) =>
    measureSteps(bench, {
      size: "large",
      method: "lora",
      ways: ["compiled"],
      turns: 10,
      processes: "apart",
    }),
};

interface StepMeasurement {
  size: keyof typeof MODEL_SIZES;
  method: Method;
  ways: readonly ("compiled" | "eager")[];
  turns: number;
  processes: "together" | "apart";
}

async function measureSteps(bench: BenchContext, measured: StepMeasurement): Promise<RowResult> {
  const { size, method, ways, turns, processes } = measured;
  const model = await writeModelFolder(path.join(bench.folder, size), MODEL_SIZES[size]);
  const python = await bench.python();
  const theirs = theirStep({ python, model, size: MODEL_SIZES[size], method });
  const programs = [
    ...ways.map((way) => ourStep({ model, size, method, way })),
    ...(method === "lora" ? [fedEncoded(theirs)] : []),
    theirs,
  ];
  const { progress } = bench;
  const taken = await alternate({ programs, warmUps: WARM_UPS, turns, processes, progress });
  assertSameWork(taken);
  return {
    sides: taken.map((one) => sideOf(one, { unit: "ms" })),
    hasReference: true,
    notes: [
      `${taken[0]!.ready["trained"]} trained weights on each side, ${THREADS} threads`,
      ...(method === "lora"
        ? ["later epochs: qsweep has no cache of encoder outputs yet, so each epoch is the first"]
        : []),
    ],
  };
}

function ourStep(options: {
  model: string;
  size: string;
  method: Method;
  way: string;
}): ContestantProgram {
  const { model, size, method, way } = options;
  const script = path.join(import.meta.dirname, "ours", "step.js");
  return {
    side: `qsweep, ${way}`,
    argv: [process.execPath, script, model, size, method, way],
    env: trainerEnvironment({ threads: THREADS }),
    limitSeconds: STEP_SECONDS,
  };
}

function theirStep(options: {
  python: string;
  model: string;
  size: ModelSize;
  method: Method;
}): ContestantProgram {
  const { python, model, size, method } = options;
  const { batch, imagePixels, tokens, text } = size;
  const numbers = [batch, imagePixels, tokens, text.vocabulary, THREADS].map(String);
  const script = path.join(import.meta.dirname, "python", "step.py");
  const adapter = JSON.stringify(method === "lora" ? ADAPTER : null);
  return {
    side: method === "lora" ? "PyTorch + PEFT" : "PyTorch",
    argv: [python, script, model, ...numbers, adapter],
    env: { OMP_NUM_THREADS: String(THREADS) },
    limitSeconds: STEP_SECONDS,
  };
}

/** The same, had it a cache of encoder outputs. */
function fedEncoded(program: ContestantProgram): ContestantProgram {
  return { ...program, side: "PyTorch + PEFT, encoded", argv: [...program.argv, "cached"] };
}

/** Sides that train other numbers of weights would be compared for nothing. */
function assertSameWork(taken: readonly Taken[]): void {
  const trained = new Set(taken.map(({ ready }) => ready["trained"]));
  if (trained.size !== 1) throw new Error(`sides train ${[...trained].join(" and ")} weights`);
}
