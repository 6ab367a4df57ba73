import { plan100k, status10k } from "./command-rows.ts";
import { decodeBeam, decodeGreedy } from "./decode-rows.ts";
import { noOpTrials, trainerStart } from "./no-op-row.ts";
import { preprocess } from "./preprocess-row.ts";
import type { Row } from "./row.ts";
import { score } from "./score-row.ts";
import { startup } from "./startup-row.ts";
import { loraStepLarge, stepBase, stepSmall } from "./step-rows.ts";

/** Every row, in the order of the table. */
export const ROWS: readonly Row[] = [
  stepSmall,
  stepBase,
  loraStepLarge,
  decodeGreedy,
  decodeBeam,
  preprocess,
  score,
  startup,
  noOpTrials,
  trainerStart,
  plan100k,
  status10k,
];
