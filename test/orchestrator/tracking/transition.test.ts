import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { GridTask } from "../../../orchestrator/ports/scheduler.ts";
import {
  trialStanding,
  type StandingQuery,
  type TrialStanding,
} from "../../../orchestrator/tracking/trial-state.ts";
import { type Answers, transition } from "../../../orchestrator/tracking/transition.ts";
import type { AttemptExit, TrialResult } from "../../../worker/contract/trial-files.ts";
import type { AttemptRecord, TrialRecord } from "../../../worker/files/trial-directory.ts";
import { lease } from "../../rig/launched-sweep.ts";

const START = Date.UTC(2026, 10, 24, 10);
const at = (second: number) => new Date(START + second * 1000);

function standing(values: Partial<TrialStanding> & Pick<TrialStanding, "state">): TrialStanding {
  return {
    attempt: 1,
    isUnderWay: false,
    pilot: null,
    failure: null,
    held: null,
    evidence: [],
    asOf: at(0),
    ...values,
  };
}

const inHand = standing({
  state: "running",
  isUnderWay: true,
  evidence: [{ witness: "lease", ageSeconds: 2 }],
});
const lost = standing({ state: "unreachable", isUnderWay: true, asOf: at(30) });
const queued = standing({ state: "queued" });
const planned = standing({ state: "planned", asOf: at(30) });
const asked = (ageSeconds: number | null) => ({
  evidence: [{ witness: "scheduler" as const, ageSeconds }],
});
const SILENCE: Answers = { broker: false, scheduler: false };

describe("what is shown", () => {
  it("is what is seen, the first time", () => {
    expect(transition(null, lost, SILENCE)).toBe(lost);
  });

  it("stays with its date when nobody answers", () => {
    expect(transition(inHand, lost, SILENCE)).toBe(inHand);
    expect(transition(queued, planned, SILENCE)).toBe(queued);
    expect(transition(inHand, lost, { broker: false, scheduler: null })).toBe(inHand);
  });

  it("becomes unreachable by the broker's word", () => {
    expect(transition(inHand, lost, { broker: true, scheduler: false })).toBe(lost);
  });

  it("becomes unreachable by a word of the scheduler that is newer", () => {
    const answers = { broker: false, scheduler: true };
    const newer = { ...lost, ...asked(10) };
    expect(transition(inHand, newer, answers)).toBe(newer);
    expect(transition(inHand, { ...lost, ...asked(40) }, answers)).toBe(inHand);
  });

  it("stays queued while the scheduler, where pilots may wait, is silent", () => {
    expect(transition(queued, planned, { broker: true, scheduler: false })).toBe(queued);
    expect(transition(queued, planned, { broker: true, scheduler: null })).toBe(planned);
  });

  it("does not go back to an attempt that was seen to be over", () => {
    const late = { ...inHand, asOf: at(30) };
    expect(transition(queued, late, { broker: true, scheduler: true })).toBe(queued);
  });

  it("follows a new attempt", () => {
    const next = { ...inHand, attempt: 2, asOf: at(30) };
    expect(transition(queued, next, SILENCE)).toBe(next);
  });

  it("follows the files to a new attempt that nobody has heard of", () => {
    const next = { ...lost, attempt: 2 };
    expect(transition(inHand, next, SILENCE)).toBe(next);
  });

  it("is never failed without an exit record", () => {
    const failed = standing({ state: "failed", asOf: at(30) });
    const answers = { broker: true, scheduler: true };
    expect(transition(inHand, failed, answers)).toBe(inHand);
    const evidence = [{ witness: "exit" as const, ageSeconds: 1 }];
    expect(transition(inHand, { ...failed, evidence }, answers).state).toBe("failed");
  });
});

/** What happens to a trial, and who answers when it is looked at after that. */
interface Turn {
  what:
    | "nothing"
    | "claim"
    | "lapse"
    | "renew"
    | "hand-back"
    | "fail"
    | "finish"
    | "stop"
    | "retry";
  broker: boolean;
  scheduler: "none" | "silent" | "running" | "absent";
  /** How many turns old the view of the files is. */
  filesBehind: number;
}

const turn: fc.Arbitrary<Turn> = fc.record({
  what: fc.constantFrom<Turn["what"][]>(
    ...(["nothing", "claim", "lapse", "renew", "hand-back", "fail", "finish", "stop"] as const),
    "retry",
  ),
  broker: fc.boolean(),
  scheduler: fc.constantFrom<Turn["scheduler"][]>("none", "silent", "running", "absent"),
  filesBehind: fc.integer({ min: 0, max: 3 }),
});

interface Files {
  record: TrialRecord;
  wish: { stopped: boolean; forgivenAttempt: number };
}

/** The world after each turn: files only grow. */
function after({ record, wish }: Files, what: Turn["what"]): Files {
  const newest = record.attempts.at(-1);
  const ended = (exit: AttemptExit): Files => {
    if (!newest || newest.exit) return { record, wish };
    const attempts = [...record.attempts.slice(0, -1), { ...newest, exit }];
    return { record: { ...record, attempts }, wish };
  };
  switch (what) {
    case "claim": {
      const number = (newest?.attempt ?? 0) + 1;
      const claim = { version: 1, nonce: "", pilot: `7.${number}.n`, host: "h", time: "" } as const;
      const attempt: AttemptRecord = { attempt: number, claim, exit: null };
      return { record: { ...record, attempts: [...record.attempts, attempt] }, wish };
    }
    case "hand-back":
      return ended({ version: 1, outcome: "handed-back", step: 0, why: "walltime" });
    case "fail": {
      const failure = { reason: "nan-loss", message: "", retryable: false } as const;
      return ended({ version: 1, outcome: "failed", step: 0, failure });
    }
    case "finish": {
      if (!newest) return { record, wish };
      const result = record.result ?? ({ attempt: newest.attempt } as TrialResult);
      return { record: { ...record, result }, wish };
    }
    case "stop":
      return { record, wish: { ...wish, stopped: true } };
    case "retry":
      return { record, wish: { stopped: false, forgivenAttempt: newest?.attempt ?? 0 } };
    default:
      return { record, wish };
  }
}

interface Look {
  shown: TrialStanding;
  seen: TrialStanding;
  answers: Answers;
  everFailed: boolean;
}

/** Everything that is shown over these turns. */
function watch(turns: readonly Turn[]): Look[] {
  const history: Files[] = [
    { record: { result: null, attempts: [] }, wish: { stopped: false, forgivenAttempt: 0 } },
  ];
  let expired = false;
  let shown: TrialStanding | null = null;
  return turns.map(({ what, broker, scheduler, filesBehind }, index): Look => {
    const now = after(history.at(-1) ?? history[0]!, what);
    history.push(now);
    if (what === "lapse") expired = true;
    if (what === "renew" || what === "claim") expired = false;
    const files = history[Math.max(0, history.length - 1 - filesBehind)]!;
    const newest = now.record.attempts.at(-1);
    const held = newest && !newest.exit ? { ...lease(newest.attempt), expired } : undefined;
    const query: StandingQuery = {
      ...files,
      maxFailures: 3,
      ages: { result: 1, exit: 1, claim: 1 },
      lease: broker ? held : undefined,
      pilots: broker ? 1 : null,
      grid: gridOf(scheduler, newest?.attempt),
      asOf: at(index * 30),
    };
    const isAsked = scheduler === "none" ? null : scheduler !== "silent";
    const answers = { broker, scheduler: isAsked };
    const seen = trialStanding(query);
    shown = transition(shown, seen, answers);
    const everFailed = history.some(({ record }) =>
      record.attempts.some(({ exit }) => exit?.outcome === "failed"),
    );
    return { shown, seen, answers, everFailed };
  });
}

function gridOf(scheduler: Turn["scheduler"], task = 1): StandingQuery["grid"] {
  if (scheduler === "none") return null;
  if (scheduler === "silent") return { ageSeconds: null, rows: new Map(), livePilots: 0 };
  const row = { job: "7", task, tasks: 1, name: "qs", shown: "r", host: "h" };
  const rows = new Map<string, GridTask>();
  if (scheduler === "running") rows.set(`7.${task}`, { ...row, state: "running" });
  return { ageSeconds: 5, rows, livePilots: rows.size };
}

const place = ({ attempt, isUnderWay }: TrialStanding) => 2 * (attempt ?? 0) + (isUnderWay ? 0 : 1);

/** Checks every two looks that follow one another. */
function always(check: (before: Look | null, now: Look) => void): void {
  fc.assert(
    fc.property(fc.array(turn, { maxLength: 25 }), (turns) => {
      const looks = watch(turns);
      looks.forEach((look, index) => check(looks[index - 1] ?? null, look));
    }),
    { numRuns: 500 },
  );
}

describe("over any answers and silences of the witnesses", () => {
  it("failed is shown only where an attempt left an exit record that says so", () => {
    always((_, { shown, everFailed }) => {
      if (shown.state === "failed") expect(everFailed).toBe(true);
    });
  });

  it("nothing follows finished", () => {
    always((before, { shown }) => {
      if (before?.shown.state === "finished") expect(shown.state).toBe("finished");
    });
  });

  it("attempts are never taken back, nor their ends", () => {
    always((before, { shown }) => {
      if (!before || shown.state === "finished") return;
      expect(place(shown)).toBeGreaterThanOrEqual(place(before.shown));
    });
  });

  it("an attempt in hand is called unreachable only by someone who answered", () => {
    always((before, { shown, answers }) => {
      if (before?.shown.state !== "running" || shown.state !== "unreachable") return;
      if (before.shown.attempt !== shown.attempt) return;
      expect(answers.broker || answers.scheduler === true).toBe(true);
    });
  });

  it("what is shown is what was seen, then or before, with its date", () => {
    always((before, { shown, seen }) => {
      expect(shown === seen || shown === before?.shown).toBe(true);
    });
  });
});
