import { setTimeout as delay } from "node:timers/promises";
import type { Output } from "../output/output.ts";
import type { WatchView } from "../output/watch-view.ts";
import type { SweepAccess } from "../ports/sweep-access.ts";
import { followingStatus, isSweepSettled, type SweepStatus } from "../tracking/sweep-status.ts";
import { readStatus } from "./read-status.ts";

const LOOK_MILLISECONDS = 1_000;

/** Ends early when the signal is aborted. */
export type Pause = (signal: AbortSignal) => Promise<void>;

export interface WatchOptions {
  access: SweepAccess;
  view: WatchView;
  /** Says that the user has seen enough. */
  signal: AbortSignal;
  /** Between two looks. */
  pause?: Pause;
}

/** Shows a sweep until every trial is settled or the signal comes; returns what it saw last. */
export async function watchSweep(options: WatchOptions): Promise<SweepStatus> {
  const { access, view, signal, pause = pauseBetweenLooks } = options;
  let status: SweepStatus | null = null;
  for (;;) {
    status = followingStatus(status, await readStatus(access));
    view.show(status);
    if (isSweepSettled(status)) return status;
    await pause(signal);
    if (signal.aborted) return status;
  }
}

/** `watchSweep` until Ctrl-C, which is said to leave the sweep running. */
export async function watchUntilInterrupted(
  { access, view }: Pick<WatchOptions, "access" | "view">,
  output: Output,
): Promise<SweepStatus> {
  return untilInterrupted(async (signal) => {
    const status = await watchSweep({ access, view, signal });
    if (signal.aborted) {
      output.note(`The sweep goes on. To look again: qsweep status ${access.sweep} --watch`);
    }
    return status;
  });
}

/** Runs something that Ctrl-C ends early instead of ending this process. */
export async function untilInterrupted<T>(run: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const interruption = new AbortController();
  const interrupt = (): void => interruption.abort();
  process.once("SIGINT", interrupt);
  try {
    return await run(interruption.signal);
  } finally {
    process.off("SIGINT", interrupt);
  }
}

/** Waits a moment before the next look. */
export const pauseBetweenLooks: Pause = (signal) =>
  delay(LOOK_MILLISECONDS, undefined, { signal }).catch(() => {});
