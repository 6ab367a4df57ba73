import type { Evidence, TrialStanding } from "./trial-state.ts";

/** Which witnesses answered when a standing was derived. Files always did: it is made from them. */
export interface Answers {
  broker: boolean;
  /** Null for a site without a scheduler. */
  scheduler: boolean | null;
}

/**
 * What may be shown of a trial next, given what was shown before and what is seen now. What is kept
 * keeps its `asOf` too, so that its age shows. For ever:
 * - nothing follows `finished`;
 * - an attempt that is over is not taken up again, whatever a late view of the files says: attempt
 *   numbers only grow, and exit records stay;
 * - `failed` needs an exit record;
 * - what a witness said stays until it, or a better one, says otherwise: silence changes nothing.
 */
export function transition(
  before: TrialStanding | null,
  seen: TrialStanding,
  answers: Answers,
): TrialStanding {
  if (before === null) return seen;
  if (seen.state === "finished") return seen;
  if (before.state === "finished" || place(seen) < place(before)) return before;
  if (seen.state === "failed" && !restsOn(seen, "exit")) return before;
  const isSame = place(seen) === place(before);
  return isSame && isLess(before, seen) && isSilent(before, seen, answers) ? before : seen;
}

/** Attempts follow one another, each first under way and then over. */
function place({ attempt, isUnderWay }: TrialStanding): number {
  return 2 * (attempt ?? 0) + (isUnderWay ? 0 : 1);
}

/** Whether less is said of the same attempt than before. */
function isLess(before: TrialStanding, { state: now }: TrialStanding): boolean {
  if (before.isUnderWay) return now === "unreachable" && before.state !== "unreachable";
  return now === "planned" && before.state === "queued";
}

/** Whether nobody answered who could take back what was shown. */
function isSilent(
  before: TrialStanding,
  seen: TrialStanding,
  { broker, scheduler }: Answers,
): boolean {
  if (scheduler === true && isNewer(seen, before)) return false;
  // Pilots that wait at the scheduler are not known to the broker.
  return !broker || (scheduler === false && !before.isUnderWay);
}

/** Whether the scheduler was asked after `before` was seen: its answers are kept for a while. */
function isNewer({ evidence, asOf }: TrialStanding, before: TrialStanding): boolean {
  const passedSeconds = (asOf.getTime() - before.asOf.getTime()) / 1000;
  return evidence.some(
    ({ witness, ageSeconds }) =>
      witness === "scheduler" && ageSeconds !== null && ageSeconds < passedSeconds,
  );
}

function restsOn({ evidence }: TrialStanding, witness: Evidence["witness"]): boolean {
  return evidence.some((one) => one.witness === witness);
}
