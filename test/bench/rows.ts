import type { Row } from "./row.ts";
import { loraStepLarge, stepBase, stepSmall } from "./step-rows.ts";

/** Every row, in the order of the table. */
export const ROWS: readonly Row[] = [stepSmall, stepBase, loraStepLarge];
