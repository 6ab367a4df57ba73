import path from "node:path";
import { trainerEnvironment } from "../../worker/engine/engine-state.ts";
import { alternate, sideOf, type Taken } from "./alternate.ts";
import type { ContestantProgram } from "./contestant.ts";
import { drawPictures, writePreprocessor } from "./drawn-pictures.ts";
import type { BenchContext, Row, RowResult } from "./row.ts";
import { THREADS } from "./step-rows.ts";

const COUNTS = { jpeg: 48, png: 16 };
const IMAGES = COUNTS.jpeg + COUNTS.png;
const SIDE = 384;
const WARM_UPS = 1;
const TURNS = 8;
const LIMIT_SECONDS = 60;

export const preprocess: Row = {
  name: "preprocess",
  compares: "pictures a second: 48 JPEG and 16 PNG of 640×480, decoded, resized to 384, normalised",
  minutes: 1,
  targets: [],
  run: measurePreprocessing,
};

async function measurePreprocessing(bench: BenchContext): Promise<RowResult> {
  const folder = path.join(bench.folder, "pictures");
  await drawPictures(folder, COUNTS);
  await writePreprocessor(folder, SIDE);
  const python = await bench.python();
  const ours: ContestantProgram = {
    side: "qsweep",
    argv: [process.execPath, path.join(import.meta.dirname, "ours", "preprocess.js"), folder],
    env: trainerEnvironment({ threads: THREADS }),
    limitSeconds: LIMIT_SECONDS,
  };
  const script = path.join(import.meta.dirname, "python", "preprocess.py");
  const pillow = (threads: number): ContestantProgram => ({
    side: `Pillow, ${threads} ${threads === 1 ? "thread" : "threads"}`,
    argv: [python, script, folder, String(threads)],
    limitSeconds: LIMIT_SECONDS,
  });
  const taken = await alternate({
    programs: [ours, pillow(1), pillow(THREADS)],
    warmUps: WARM_UPS,
    turns: bench.isQuick ? 1 : TURNS,
    processes: "together",
    progress: bench.progress,
  });
  return {
    sides: taken.map((one) => sideOf(one, { unit: "1/s", items: IMAGES })),
    reference: `Pillow, ${THREADS} threads`,
    notes: [`sums of all values: ${taken.map(sumOf).join(", ")}`],
  };
}

function sumOf({ side, last }: Taken): string {
  return `${side} ${Number(last["sum"]).toFixed(0)}`;
}
