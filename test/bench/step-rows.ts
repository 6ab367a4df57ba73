import path from "node:path";
import { trainerEnvironment } from "../../worker/engine/engine-state.ts";
import { ADAPTER } from "./adapter.ts";
import { alternate, sideOf, type Taken } from "./alternate.ts";
import type { ContestantProgram } from "./contestant.ts";
import { type ModelSize, MODEL_SIZES, stepGigaflops, writeModelFolder } from "./model-sizes.ts";
import type { BenchContext, Row, RowResult } from "./row.ts";
import { spreadOf } from "./spread.ts";
import type { Target } from "./target.ts";

/** Of both sides, as the targets are set for it. */
export const THREADS = 2;
/** PyTorch's first three steps are slower than all that follow. */
const WARM_UPS = 3;
const QUICK = { warmUps: 1, turns: 1 };
/** Both sides start by drawing the weights of a large model. */
const LIMIT_SECONDS = 900;

const TORCH = "PyTorch";
const PEFT = "PyTorch + PEFT";

/** Rows of tokens that pass through a layer of the base model together, and its MLP. */
const PRODUCT = [1154, 768, 3072];
const PRODUCTS_A_TURN = 20;
const PRODUCT_TURNS = 10;

export const stepSmall: Row = {
  name: "step-small",
  compares: "a full fine-tuning step of a 6.8 M weight BLIP, 16 pictures of 96 px, 20 tokens",
  minutes: 2,
  targets: fasterAndSmaller({ side: "qsweep", against: TORCH, atMost: 0.8 }),
  async run(bench) {
    const work: StepWork = { size: "small", method: "full", turns: 30, processes: "together" };
    const { programs } = await prepare(bench, work);
    return resultOf(await measure(bench, work, [programs.ours(), programs.theirs()]), TORCH);
  },
};

export const stepBase: Row = {
  name: "step-base",
  compares: "a full fine-tuning step of BLIP base, 2 pictures of 384 px, 20 tokens",
  minutes: 8,
  targets: fasterAndSmaller({ side: "qsweep", against: TORCH, atMost: 1 }),
  async run(bench) {
    const work: StepWork = { size: "base", method: "full", turns: 10, processes: "apart" };
    const { programs, python } = await prepare(bench, work);
    const taken = await measure(bench, work, [programs.ours(), programs.theirs()]);
    const rate = await productRate(bench, python);
    const gigaflops = stepGigaflops(MODEL_SIZES.base);
    const result = resultOf(taken, TORCH);
    const shares = result.sides.map(({ side, spread }) => {
      const reached = (1000 * gigaflops) / spread.median;
      const share = Math.round((100 * reached) / rate);
      return `${side} does ${Math.round(reached)} GFLOP/s, ${share} % of that`;
    });
    const limit = `matrix products alone reach ${Math.round(rate)} GFLOP/s here`;
    return { ...result, notes: [...result.notes, limit, ...shares] };
  },
};

const FIRST = "qsweep, first epoch";
const LATER = "qsweep, later epochs";
const ENCODED = `${PEFT}, encoded`;

export const loraStepLarge: Row = {
  name: "lora-step-large",
  compares: "a LoRA step of BLIP large, 2 pictures of 384 px, 20 tokens, encoder frozen",
  minutes: 15,
  targets: [
    ...fasterAndSmaller({ side: LATER, against: PEFT, atMost: 0.1 }),
    { side: FIRST, figure: "peak", against: PEFT, limit: { atMost: 1 } },
  ],
  async run(bench) {
    const work: StepWork = { size: "large", method: "lora", turns: 10, processes: "apart" };
    const { programs } = await prepare(bench, work);
    const taken = await measure(bench, work, [
      { ...programs.ours("pixels"), side: FIRST },
      { ...programs.ours("states"), side: LATER },
      { ...programs.theirs("cached"), side: ENCODED },
      { ...programs.theirs(), side: PEFT },
    ]);
    const result = resultOf(taken, PEFT);
    const notes = [
      "first epoch: pictures are encoded; later epochs, encoded: the encoder's outputs are given",
      "neither reading nor writing the outputs' files is part of a step here",
    ];
    return { ...result, notes: [...result.notes, ...notes] };
  },
};

interface StepWork {
  size: keyof typeof MODEL_SIZES;
  method: "full" | "lora";
  turns: number;
  processes: "together" | "apart";
}

/** No target allows more memory than the other side takes. */
function fasterAndSmaller({ side, against, atMost }: Ratio): Target[] {
  return [
    { side, figure: "median", against, limit: { atMost } },
    { side, figure: "peak", against, limit: { atMost: 1 } },
  ];
}

interface Ratio {
  side: string;
  against: string;
  atMost: number;
}

async function prepare(bench: BenchContext, { size, method }: StepWork) {
  const model = await writeModelFolder(path.join(bench.folder, size), MODEL_SIZES[size]);
  const python = await bench.python();
  const programs = {
    ours: (images: "pixels" | "states" = "pixels"): ContestantProgram => ({
      side: "qsweep",
      argv: [process.execPath, script("ours/step.js"), model, size, method, images],
      env: trainerEnvironment({ threads: THREADS }),
      limitSeconds: LIMIT_SECONDS,
    }),
    theirs: (...options: "cached"[]): ContestantProgram => ({
      side: TORCH,
      argv: [python, script("python/step.py"), model, ...theirWords(size, method), ...options],
      env: { OMP_NUM_THREADS: String(THREADS) },
      limitSeconds: LIMIT_SECONDS,
    }),
  };
  return { programs, python };
}

function theirWords(size: keyof typeof MODEL_SIZES, method: StepWork["method"]): string[] {
  const { batch, imagePixels, tokens, text }: ModelSize = MODEL_SIZES[size];
  const numbers = [batch, imagePixels, tokens, text.vocabulary, THREADS].map(String);
  return [...numbers, JSON.stringify(method === "lora" ? ADAPTER : null)];
}

async function measure(
  { isQuick, progress }: BenchContext,
  { turns, processes }: StepWork,
  programs: readonly ContestantProgram[],
): Promise<Taken[]> {
  const times = isQuick ? QUICK : { warmUps: WARM_UPS, turns };
  const taken = await alternate({ programs, ...times, processes, progress });
  // Sides that train other numbers of weights would be compared for nothing.
  const trained = new Set(taken.map(({ ready }) => ready["trained"]));
  if (trained.size !== 1) throw new Error(`sides train ${[...trained].join(" and ")} weights`);
  return taken;
}

function resultOf(taken: readonly Taken[], reference: string): RowResult {
  return {
    sides: taken.map((one) => sideOf(one, { unit: "ms" })),
    reference,
    notes: [
      `${String(taken[0]!.ready["trained"])} trained weights on each side, ${THREADS} threads`,
    ],
  };
}

/** What matrix products reach here with all threads, as PyTorch computes them, in GFLOP/s. */
async function productRate({ isQuick, progress }: BenchContext, python: string): Promise<number> {
  const words = [...PRODUCT, PRODUCTS_A_TURN, THREADS].map(String);
  const [taken] = await alternate({
    programs: [
      {
        side: "products",
        argv: [python, script("python/products.py"), ...words],
        env: { OMP_NUM_THREADS: String(THREADS) },
        limitSeconds: LIMIT_SECONDS,
      },
    ],
    ...(isQuick ? QUICK : { warmUps: WARM_UPS, turns: PRODUCT_TURNS }),
    processes: "together",
    progress,
  });
  const operations = 2 * PRODUCTS_A_TURN * PRODUCT.reduce((product, length) => product * length);
  return operations / spreadOf(taken!.seconds).median / 1e9;
}

/** A program of one of the two sides. */
function script(name: string): string {
  return path.join(import.meta.dirname, name);
}
