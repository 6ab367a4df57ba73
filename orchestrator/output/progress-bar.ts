import type { TrialStatus } from "../tracking/sweep-status.ts";
import { decimalText, durationText, parametersText, shareText } from "./quantity-text.ts";
import { clipped, type Style } from "./style.ts";

const BAR_COLUMNS = 24;

interface BarPlace {
  idColumns: number;
  /** Width of the screen. */
  columns: number;
}

/** `t3f2a91  ━━━━━━━╌╌╌  31%  loss 2.413  ETA 0:32`; null for a trial that nobody has in hand. */
export function barLine(
  trial: TrialStatus,
  { idColumns, columns }: BarPlace,
  style: Style,
): string | null {
  const { id, state, progress } = trial;
  if (state !== "running" && state !== "stopping") return null;
  const { step, steps } = progress;
  const share = step !== null && steps !== null && steps > 0 ? Math.min(1, step / steps) : 0;
  const filled = Math.round(share * BAR_COLUMNS);
  const bar = style.green("━".repeat(filled)) + style.dim("╌".repeat(BAR_COLUMNS - filled));
  const before = `${id.slice(0, idColumns)}  `;
  const after = ` ${`${Math.floor(share * 100)}%`.padStart(4)}  ${activity(trial)}`;
  return before + bar + clipped(after, columns - before.length - BAR_COLUMNS);
}

/** What a trial is and does, as a line of its own where nothing can be drawn. */
export function progressLine(trial: TrialStatus): string {
  const { epoch, epochs, step, steps } = trial.progress;
  const share = `epoch ${shareText(epoch, epochs)} step ${shareText(step, steps)}`;
  return `${trialText(trial)}: ${share}  ${activity(trial)}`;
}

/** `t3f2a91c0d4e full lr=1e-4 seed=0` */
export function trialText({ id, arm, params, seed }: TrialStatus): string {
  const values = parametersText(params);
  return [id, arm, ...(values === "" ? [] : [values]), `seed=${seed}`].join(" ");
}

function activity({ state, progress }: TrialStatus): string {
  const { phase, loss, etaSeconds } = progress;
  const parts = [
    ...(state === "stopping" ? ["stopping"] : []),
    ...(phase !== null && phase !== "training" ? [phase] : []),
    ...(loss === null ? [] : [`loss ${decimalText(loss, 3)}`]),
    ...(etaSeconds === null ? [] : [`ETA ${durationText(etaSeconds)}`]),
  ];
  return parts.join("  ");
}
