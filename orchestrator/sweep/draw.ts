import { sha256 } from "./canonical-json.ts";
import type { ParameterValue, SampledAxis } from "./swept-value.ts";

/** What a draw depends on, and nothing else: other arms and later draws change none. */
export interface DrawKey {
  samplingSeed: number;
  arm: string;
  parameter: string;
  index: number;
}

/** Digits kept of a drawn real number, so that it can be typed back in. */
const SIGNIFICANT_DIGITS = 6;

/** The value that a sampled parameter takes in one draw. */
export function draw(axis: SampledAxis, key: DrawKey): ParameterValue {
  const unit = unitInterval(key);
  if ("choice" in axis) {
    const value = axis.choice[Math.floor(unit * axis.choice.length)];
    if (value === undefined) throw new Error("a choice has at least one value");
    return value;
  }
  if ("int_uniform" in axis) {
    const [low, high] = axis.int_uniform;
    return low + Math.floor(unit * (high - low + 1));
  }
  if ("uniform" in axis) {
    const [low, high] = axis.uniform;
    return rounded(low + unit * (high - low), axis.uniform);
  }
  const [low, high] = axis.log_uniform;
  return rounded(Math.exp(Math.log(low) + unit * Math.log(high / low)), axis.log_uniform);
}

/** 52 bits of a SHA-256 as a number in [0, 1). */
function unitInterval({ samplingSeed, arm, parameter, index }: DrawKey): number {
  const digest = sha256(JSON.stringify([samplingSeed, arm, parameter, index]));
  return Number.parseInt(digest.slice(0, 13), 16) / 2 ** 52;
}

function rounded(value: number, [low, high]: [number, number]): number {
  const short = Number(value.toPrecision(SIGNIFICANT_DIGITS));
  return Math.min(high, Math.max(low, short));
}
