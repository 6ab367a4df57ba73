import type { SweepAccess } from "../ports/sweep-access.ts";
import { reconcile, silentPilots } from "../tracking/reconcile.ts";
import {
  type StatusQuery,
  type SweepStatus,
  sweepStatus,
  trialsToReadEventsOf,
} from "../tracking/sweep-status.ts";

/** Enough for a minute of steps and the validation before them. */
const EVENT_BYTES = 64 << 10;

/**
 * Asks every witness of a launched sweep once, and first has what follows from their answers
 * recorded: how attempts ended that could not say so themselves.
 */
export async function readStatus(access: SweepAccess): Promise<SweepStatus> {
  const query = await askWitnesses(access);
  const status = sweepStatus(query);
  const steps = new Map(
    status.trials.flatMap(({ id, progress: { step } }) => (step === null ? [] : [[id, step]])),
  );
  const actions = reconcile({ ...query, steps });
  if (actions.length === 0) return status;
  for (const action of actions) await access.apply(action);
  return sweepStatus({ ...query, snapshot: await access.read() });
}

async function askWitnesses(access: SweepAccess): Promise<StatusQuery> {
  // The broker first: what finishes in between is then seen as finished, not as lost.
  const witnesses = await access.witnesses();
  const snapshot = await access.read();
  const grid = await access.grid(silentPilots(snapshot, witnesses));
  const parts = trialsToReadEventsOf(snapshot, witnesses).map(async ({ trial, attempt }) => {
    const place = { trial, attempt, file: "events", offset: -EVENT_BYTES } as const;
    return [trial, (await access.readPart(place)).bytes.toString()] as const;
  });
  const events = new Map(await Promise.all(parts));
  return { snapshot, witnesses, grid, events, asOf: new Date() };
}
