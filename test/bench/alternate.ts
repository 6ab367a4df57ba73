import { Contestant, type ContestantProgram, type Said } from "./contestant.ts";
import type { Side, Unit } from "./row.ts";
import { spreadOf } from "./spread.ts";

export interface Alternation {
  programs: readonly ContestantProgram[];
  /** Turns at first that do not count, of each. */
  warmUps: number;
  /** Turns that count, of each. */
  turns: number;
  /**
   * `together`: all are started and take turns. `apart`: one is started at a time, for half of its
   * turns, and then all once more, as memory does not hold them together.
   */
  processes: "together" | "apart";
  progress: (line: string) => void;
}

/** What one contestant did. */
export interface Taken {
  side: string;
  /** Seconds of each turn that counts. */
  seconds: number[];
  peakMebibytes: number | null;
  /** What it said when it was ready, and after its last turn. */
  ready: Said;
  last: Said;
}

/** Has contestants do the same work by turns, A, B, A, B: what disturbs one disturbs all. */
export async function alternate(alternation: Alternation): Promise<Taken[]> {
  const { programs, processes, turns } = alternation;
  if (processes === "together") return play(alternation);
  const taken: Taken[] = [];
  for (const half of [Math.ceil(turns / 2), Math.floor(turns / 2)]) {
    for (const program of programs) {
      if (half > 0)
        taken.push(...(await play({ ...alternation, programs: [program], turns: half })));
    }
  }
  return programs.map(({ side }) => joined(taken.filter((one) => one.side === side)));
}

async function play({ programs, warmUps, turns, progress }: Alternation): Promise<Taken[]> {
  const contestants: Contestant[] = [];
  try {
    for (const program of programs) {
      progress(`starting ${program.side}`);
      contestants.push(await Contestant.start(program));
    }
    const seconds = new Map<Contestant, number[]>(contestants.map((one) => [one, []]));
    const last = new Map<Contestant, Said>();
    for (let turn = -warmUps; turn < turns; turn += 1) {
      for (const contestant of contestants) {
        const said = await contestant.turn();
        progress(`${contestant.side}: ${told(said, turn)}`);
        last.set(contestant, said);
        if (turn >= 0) seconds.get(contestant)?.push(secondsOf(said));
      }
    }
    return contestants.map((contestant) => ({
      side: contestant.side,
      seconds: seconds.get(contestant) ?? [],
      peakMebibytes: contestant.peakMebibytes(),
      ready: contestant.said,
      last: last.get(contestant) ?? {},
    }));
  } finally {
    for (const contestant of contestants) await contestant.stop();
  }
}

function joined(parts: readonly Taken[]): Taken {
  return {
    ...parts[0]!,
    seconds: parts.flatMap(({ seconds }) => seconds),
    peakMebibytes: parts.reduce<number | null>(
      (highest, { peakMebibytes: peak }) =>
        peak === null ? highest : Math.max(peak, highest ?? 0),
      null,
    ),
  };
}

function told(said: Said, turn: number): string {
  const seconds = `${secondsOf(said).toFixed(3)} s`;
  return turn < 0 ? `${seconds} (warm-up)` : seconds;
}

function secondsOf({ seconds }: Said): number {
  if (typeof seconds !== "number") throw new Error("a turn without its seconds");
  return seconds;
}

/** A side of the table; with `items` done in a turn, how many a second. */
export function sideOf(
  { side, seconds, peakMebibytes }: Taken,
  measure: { unit: Unit; items?: number },
): Side {
  const { unit, items = 1 } = measure;
  const values = seconds.map((value) => {
    if (unit === "1/s") return items / value;
    return unit === "ms" ? value * 1000 : value;
  });
  return { side, unit, spread: spreadOf(values), peakMebibytes };
}
