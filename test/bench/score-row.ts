import path from "node:path";
import { packageRoot } from "../../worker/files/package-root.ts";
import { sideOf } from "./alternate.ts";
import { writeCorpus } from "./caption-corpus.ts";
import type { BenchContext, Row, RowResult } from "./row.ts";
import { alternateProcesses } from "./whole-process.ts";

const IMAGES = 7750;
const QUICK_IMAGES = 50;
const JAVA = "pycocoevalcap (Java)";
const TURNS = 5;
const LIMIT_SECONDS = 300;
const METRICS = ["cider", "bleu4", "rouge_l"];

export const score: Row = {
  name: "score",
  compares: "scoring 7,750 images with 5 references each, from files to numbers",
  minutes: 3,
  targets: [{ side: "qsweep score", figure: "median", against: JAVA, limit: { atMost: 0.1 } }],
  run: measureScoring,
};

async function measureScoring(bench: BenchContext): Promise<RowResult> {
  const { references, predictions } = await writeCorpus(bench.folder, {
    images: bench.isQuick ? QUICK_IMAGES : IMAGES,
  });
  const python = await bench.python();
  const files = ["--references", references, "--predictions", predictions];
  const taken = await alternateProcesses({
    programs: [
      {
        side: "qsweep score",
        argv: [process.execPath, qsweep(), "score", ...files, "--json"],
        limitSeconds: LIMIT_SECONDS,
      },
      {
        side: JAVA,
        argv: [
          python,
          path.join(import.meta.dirname, "python", "score.py"),
          references,
          predictions,
        ],
        limitSeconds: LIMIT_SECONDS,
      },
    ],
    warmUps: bench.isQuick ? 0 : 1,
    turns: bench.isQuick ? 1 : TURNS,
    progress: bench.progress,
  });
  const [ours, theirs] = taken.map(({ last }) => JSON.parse(String(last["stdout"])));
  const difference = Math.max(
    ...METRICS.map((name) => Math.abs(ours.metrics[name] - theirs[name])),
  );
  return {
    sides: taken.map((one) => sideOf(one, { unit: "s" })),
    reference: JAVA,
    notes: [`CIDEr-D, BLEU-4 and ROUGE-L differ by ${difference.toExponential(1)} at most`],
  };
}

/** The command as users start it. */
export function qsweep(): string {
  return path.join(packageRoot(), "orchestrator", "qsweep.mjs");
}
