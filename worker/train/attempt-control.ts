/** Why an attempt should end before its trial does. */
export type StopReason = "stop" | "walltime" | "shutdown" | "pilot-lost" | "superseded";

/** How the outside asks an attempt to end; polled between steps and between batches. */
export interface AttemptControl {
  /** A reason once given stays, or becomes `superseded`. */
  requested(): StopReason | null;
  /** Whether a checkpoint was asked for since the last call: the process may be suspended soon. */
  checkpointAsked?(): boolean;
}

/** Ends an attempt early. Whoever throws it has brought to disk what is worth keeping. */
export class AttemptStopped extends Error {
  readonly why: StopReason;

  constructor(why: StopReason) {
    super(`stopped: ${why}`);
    this.why = why;
  }
}

const POLL_MILLISECONDS = 200;

/**
 * The outcome of work without steps of its own, or `AttemptStopped` as soon as that is asked for.
 */
export async function unlessStopped<T>(control: AttemptControl, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const stopped = new Promise<never>((_, reject) => {
    timer = setInterval(() => {
      const why = control.requested();
      if (why !== null) reject(new AttemptStopped(why));
    }, POLL_MILLISECONDS);
  });
  try {
    return await Promise.race([work, stopped]);
  } finally {
    clearInterval(timer);
    // What becomes of abandoned work concerns nobody.
    work.catch(() => {});
  }
}

/** Time as an attempt sees it: a monotonic clock for intervals, the wall clock for records only. */
export interface AttemptClock {
  monotonicSeconds(): number;
  now(): Date;
}

export const systemClock: AttemptClock = {
  monotonicSeconds: () => performance.now() / 1000,
  now: () => new Date(),
};

/** Lets waiting messages and signals be handled: a training step blocks the event loop. */
export function eventLoopTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
