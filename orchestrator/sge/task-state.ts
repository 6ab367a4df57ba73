import type { GridTask } from "../ports/scheduler.ts";

/**
 * Grid Engine's letters in order of weight: they combine freely (`Rr`, `dRs`, `hRwq`), so that a
 * table of whole words is never complete. Source: sge_status(5).
 */
const LETTERS: [RegExp, GridTask["state"]][] = [
  [/E/, "error"],
  [/d/, "deleting"],
  [/[sST]/, "suspended"],
  [/[rt]/, "running"],
  [/h/, "held"],
];

/** `state` of qstat as the port's. Letters that are not known say nothing: then it waits. */
export function taskState(letters: string): GridTask["state"] {
  return LETTERS.find(([pattern]) => pattern.test(letters))?.[1] ?? "waiting";
}
