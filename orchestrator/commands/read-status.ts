import type { SweepAccess } from "../ports/sweep-access.ts";
import { type SweepStatus, sweepStatus, trialsToReadEventsOf } from "../tracking/sweep-status.ts";

/** Enough for a minute of steps and the validation before them. */
const EVENT_BYTES = 64 << 10;

/** Asks every witness of a launched sweep once. */
export async function readStatus(access: SweepAccess): Promise<SweepStatus> {
  // The broker first: what finishes in between is then seen as finished, not as lost.
  const witnesses = await access.witnesses();
  const snapshot = await access.read();
  const events = new Map<string, string>();
  for (const { trial, attempt } of trialsToReadEventsOf(snapshot, witnesses)) {
    const part = await access.readPart({ trial, attempt, file: "events", offset: -EVENT_BYTES });
    events.set(trial, part.bytes.toString());
  }
  return sweepStatus({ snapshot, witnesses, events, asOf: new Date() });
}
