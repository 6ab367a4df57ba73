import path from "node:path";
import { trainerEnvironment } from "../../worker/engine/engine-state.ts";
import { alternate, sideOf, type Taken } from "./alternate.ts";
import { MODEL_SIZES, writeModelFolder } from "./model-sizes.ts";
import type { BenchContext, Row, RowResult } from "./row.ts";
import type { Target } from "./target.ts";
import { THREADS } from "./step-rows.ts";

const SIZE = MODEL_SIZES.small;
const WARM_UPS = 3;
const TURNS = 20;
const LIMIT_SECONDS = 900;

const TARGETS: readonly Target[] = [
  { side: "qsweep", figure: "median", against: "HF generate", limit: { atLeast: 1 } },
  { side: "qsweep", figure: "peak", against: "HF generate", limit: { atMost: 1 } },
];

export const decodeGreedy: Row = {
  name: "decode-greedy",
  compares: "captions a second of a 6.8 M weight BLIP, 16 pictures at a time, 20 tokens each",
  minutes: 1,
  targets: TARGETS,
  run: (bench) => measureDecoding(bench, 1),
};

export const decodeBeam: Row = {
  name: "decode-beam3",
  compares: "captions a second with three beams, otherwise as decode-greedy",
  minutes: 1,
  targets: TARGETS,
  run: (bench) => measureDecoding(bench, 3),
};

async function measureDecoding(bench: BenchContext, beams: number): Promise<RowResult> {
  const model = await writeModelFolder(path.join(bench.folder, "model"), SIZE);
  const python = await bench.python();
  const scripts = (name: string): string => path.join(import.meta.dirname, name);
  const theirWords = [beams, SIZE.tokens, THREADS].map(String);
  const taken = await alternate({
    programs: [
      {
        side: "qsweep",
        argv: [process.execPath, scripts("ours/decode.js"), model, "small", String(beams)],
        env: trainerEnvironment({ threads: THREADS }),
        limitSeconds: LIMIT_SECONDS,
      },
      {
        side: "HF generate",
        argv: [python, scripts("python/decode.py"), model, ...theirWords],
        env: { OMP_NUM_THREADS: String(THREADS) },
        limitSeconds: LIMIT_SECONDS,
      },
    ],
    warmUps: bench.isQuick ? 1 : WARM_UPS,
    turns: bench.isQuick ? 1 : TURNS,
    processes: "together",
    progress: bench.progress,
  });
  return {
    sides: taken.map((one) => sideOf(one, { unit: "1/s", items: SIZE.batch })),
    reference: "HF generate",
    notes: [`${equalCaptions(taken)} of ${SIZE.batch} captions are the same, id for id`],
  };
}

function equalCaptions(taken: readonly Taken[]): number {
  const [ours, theirs] = taken.map(({ last }) => captionsOf(last["ids"]));
  return ours!.filter((ids, index) => ids === theirs![index]).length;
}

function captionsOf(ids: unknown): string[] {
  return Array.isArray(ids) ? ids.map((one) => JSON.stringify(one)) : [];
}
