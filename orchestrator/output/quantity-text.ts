import type { TrialParams } from "../../worker/contract/trial-spec.ts";
import { valueText } from "../sweep/search-space.ts";

const UNKNOWN = "-";

/** A number with fixed decimals, or a dash. */
export function decimalText(value: number | null, decimals: number): string {
  return value === null ? UNKNOWN : value.toFixed(decimals);
}

/** `120/450`; without a total the count alone; a dash for neither, and where the total is 0. */
export function shareText(count: number | null, total: number | null): string {
  if (count === null || total === 0) return UNKNOWN;
  return total === null ? String(count) : `${count}/${total}`;
}

/** `0:07`, `12:05`, `3:04:09`. */
export function durationText(seconds: number | null): string {
  if (seconds === null) return UNKNOWN;
  const whole = Math.max(0, Math.round(seconds));
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  const rest = `${hours > 0 ? twoDigits(minutes) : minutes}:${twoDigits(whole % 60)}`;
  return hours > 0 ? `${hours}:${rest}` : rest;
}

function twoDigits(value: number): string {
  return String(value).padStart(2, "0");
}

/** The time of day here: `14:03:22`. */
export function clockText(moment: Date): string {
  return moment.toTimeString().slice(0, "00:00:00".length);
}

const DIGITS = 4;

/** A parameter's value in a table: numbers to four digits, a dash for one that the arm lacks. */
export function parameterText(value: TrialParams[string] | undefined): string {
  if (value === undefined) return UNKNOWN;
  return valueText(typeof value === "number" ? Number(value.toPrecision(DIGITS)) : value);
}

/** `lr=1e-4 lora.r=8` */
export function parametersText(params: TrialParams): string {
  return Object.entries(params)
    .map(([name, value]) => `${name}=${parameterText(value)}`)
    .join(" ");
}

/** Names of the parameters of any of these, in the order of their appearance. */
export function parameterNames(list: readonly { params: TrialParams }[]): string[] {
  return [...new Set(list.flatMap(({ params }) => Object.keys(params)))];
}

const UNITS = ["kB", "MB", "GB", "TB"] as const;

/** `0.3 MB`, `4.7 GB`: in powers of ten. */
export function bytesText(bytes: number): string {
  let scaled = bytes / 1000;
  let unit = 0;
  while (scaled >= 1000 && unit < UNITS.length - 1) {
    scaled /= 1000;
    unit += 1;
  }
  return `${scaled.toFixed(1)} ${UNITS[unit]}`;
}

/** `1 trial`, `2 trials` */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

const SHORTEST_ID = 7;

/** How many characters of these ids tell them apart; commands accept any unique beginning. */
export function idLength(ids: readonly string[]): number {
  const sorted = [...new Set(ids)].toSorted();
  return sorted.reduce((length, id, index) => {
    const before = sorted[index - 1] ?? "";
    return Math.max(length, sharedLength(before, id) + 1);
  }, SHORTEST_ID);
}

function sharedLength(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length += 1;
  return length;
}
