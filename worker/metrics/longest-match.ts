import { type Pattern, parsePattern } from "./lexical-pattern.ts";

/** Columns of a table of moves: more kinds of characters than any set of rules here tells apart. */
const KIND_BITS = 8;
/** The kind of characters not looked at yet; no move is known for it. */
const UNCLASSIFIED = (1 << KIND_BITS) - 1;
const FIRST_STATES = 64;
const DEAD = -1;
const UNKNOWN = -2;

/**
 * The character classes of a set of patterns. Characters that belong to the same classes are of one
 * kind, so that an automaton needs one transition for each kind.
 */
export class Alphabet {
  /** By UTF-16 unit, its kind as far as `kind` was asked for it, or `UNCLASSIFIED`. */
  readonly kinds = new Uint8Array(0x10000).fill(UNCLASSIFIED);
  readonly #sets: RegExp[] = [];
  readonly #setNumbers = new Map<string, number>();
  readonly #kindNumbers = new Map<string, number>();
  readonly #members: boolean[][] = [];
  readonly #standsFor: (character: string) => string;

  /** `standsFor` maps a UTF-16 unit to the one whose classes it takes. */
  constructor(standsFor: (character: string) => string) {
    this.#standsFor = standsFor;
  }

  /** The number of a class, such as `[a-z]`. All classes come before the first `kind`. */
  setNumber(source: string): number {
    let number = this.#setNumbers.get(source);
    if (number === undefined) {
      number = this.#sets.length;
      this.#sets.push(new RegExp(source, "u"));
      this.#setNumbers.set(source, number);
    }
    return number;
  }

  /** The kind of a UTF-16 unit. */
  kind(code: number): number {
    if (this.kinds[code] === UNCLASSIFIED) this.kinds[code] = this.#classify(code);
    return this.kinds[code]!;
  }

  /** Whether characters of this kind belong to a class. */
  belongs(kind: number, set: number): boolean {
    return this.#members[kind]![set]!;
  }

  #classify(code: number): number {
    const character = this.#standsFor(String.fromCharCode(code));
    const members = this.#sets.map((set) => set.test(character));
    const key = members.map(Number).join("");
    let kind = this.#kindNumbers.get(key);
    if (kind === undefined) {
      kind = this.#members.length;
      if (kind === UNCLASSIFIED) throw new Error("too many kinds of characters");
      this.#members.push(members);
      this.#kindNumbers.set(key, kind);
    }
    return kind;
  }
}

interface NfaState {
  /** The class that leads to `next`; -1 where only the empty moves lead on. */
  set: number;
  next: number;
  emptyMoves: number[];
  /** The pattern that is complete here, or -1. */
  pattern: number;
}

/** A match of the pattern with this number, up to `end` (exclusive). */
export interface Match {
  pattern: number;
  end: number;
}

/**
 * Finds which of several patterns matches the most characters, as a lexer generator does; among
 * equals the first pattern wins. A deterministic automaton is built as texts visit its states.
 */
export class LongestMatch {
  readonly #alphabet: Alphabet;
  readonly #nfa: NfaState[] = [];
  /** The state that follows a state, in the upper bits of the index, and a kind. */
  #moves = new Int32Array(FIRST_STATES << KIND_BITS).fill(UNKNOWN);
  /** By state, the pattern that is complete there, or -1. */
  #accepts = new Int32Array(FIRST_STATES);
  readonly #members: number[][] = [];
  readonly #numbers = new Map<string, number>();

  constructor(alphabet: Alphabet, patterns: readonly string[]) {
    this.#alphabet = alphabet;
    const starts = patterns.map((source, pattern) => {
      const end = this.#newState({ pattern });
      return this.#build(parsePattern(source), end);
    });
    this.#stateOf(starts);
  }

  /** The longest match that begins at `start` and ends by `limit`; null if there is none. */
  at(text: string, start: number, limit: number): Match | null {
    const { kinds } = this.#alphabet;
    let state = 0;
    let pattern = -1;
    let end = start;
    for (let index = start; index < limit; index++) {
      const code = text.charCodeAt(index);
      const next = this.#moves[(state << KIND_BITS) | kinds[code]!]!;
      state = next === UNKNOWN ? this.#follow(state, this.#alphabet.kind(code)) : next;
      if (state === DEAD) break;
      const complete = this.#accepts[state]!;
      if (complete >= 0) {
        pattern = complete;
        end = index + 1;
      }
    }
    return pattern < 0 ? null : { pattern, end };
  }

  #follow(state: number, kind: number): number {
    const targets: number[] = [];
    for (const member of this.#members[state]!) {
      const { set, next } = this.#nfa[member]!;
      if (set >= 0 && this.#alphabet.belongs(kind, set)) targets.push(next);
    }
    const next = targets.length === 0 ? DEAD : this.#stateOf(targets);
    this.#moves[(state << KIND_BITS) | kind] = next;
    return next;
  }

  /** The deterministic state that stands for these states and all that empty moves reach. */
  #stateOf(from: number[]): number {
    const reached = new Set(from);
    for (const member of reached) {
      for (const next of this.#nfa[member]!.emptyMoves) reached.add(next);
    }
    const members = [...reached].toSorted((a, b) => a - b);
    const key = members.join();
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    const number = this.#members.length;
    if (number === this.#accepts.length) this.#grow();
    const complete = members.map((member) => this.#nfa[member]!.pattern).filter((p) => p >= 0);
    this.#numbers.set(key, number);
    this.#members.push(members);
    this.#accepts[number] = complete.length === 0 ? -1 : Math.min(...complete);
    return number;
  }

  #grow(): void {
    const [moves, accepts] = [this.#moves, this.#accepts];
    this.#moves = new Int32Array(2 * moves.length).fill(UNKNOWN);
    this.#moves.set(moves);
    this.#accepts = new Int32Array(2 * accepts.length);
    this.#accepts.set(accepts);
  }

  #newState(state: Partial<NfaState>): number {
    this.#nfa.push({ set: -1, next: -1, emptyMoves: [], pattern: -1, ...state });
    return this.#nfa.length - 1;
  }

  /** Adds states that match the pattern and lead to `end`; returns where they begin. */
  #build(pattern: Pattern, end: number): number {
    switch (pattern.kind) {
      case "set":
        return this.#newState({ set: this.#alphabet.setNumber(pattern.set), next: end });
      case "sequence":
        return pattern.parts.reduceRight((next, part) => this.#build(part, next), end);
      case "choice": {
        const emptyMoves = pattern.options.map((option) => this.#build(option, end));
        return this.#newState({ emptyMoves });
      }
      case "repeat":
        return this.#buildRepeat(pattern.part, pattern, end);
      default:
        return pattern satisfies never;
    }
  }

  #buildRepeat(part: Pattern, times: { min: number; max: number }, end: number): number {
    const { min, max } = times;
    let begin = end;
    if (max === Infinity) {
      begin = this.#newState({});
      this.#nfa[begin]!.emptyMoves.push(this.#build(part, begin), end);
    }
    for (let count = max === Infinity ? min : max; count > 0; count--) {
      const once = this.#build(part, begin);
      begin = count > min ? this.#newState({ emptyMoves: [once, end] }) : once;
    }
    return begin;
  }
}
