import { z } from "zod";

/** What a training parameter may hold. */
export type ParameterValue = string | number | boolean | (string | number)[];

/** Values drawn at random: `samples` draws, made together for all sampled parameters of an arm. */
export type SampledAxis =
  | { choice: ParameterValue[]; samples: number }
  | { uniform: [number, number]; samples: number }
  | { log_uniform: [number, number]; samples: number }
  | { int_uniform: [number, number]; samples: number };
export type Axis = { grid: ParameterValue[] } | SampledAxis;
export type SweptValue = ParameterValue | Axis;

/** The hint for a list where one value is expected. */
export const SEVERAL_VALUES = "to try several values, write {grid: [...]}";

const MAX_SAMPLES = 100_000;

/** A parameter holds scalars or lists, so that a map can only be an axis. */
export function isAxis(value: SweptValue): value is Axis {
  return typeof value === "object" && !Array.isArray(value);
}

export function isSampled(value: SweptValue): value is SampledAxis {
  return isAxis(value) && "samples" in value;
}

/**
 * The schema of one value, or of the values that a sweep tries. Every listed value and every bound
 * satisfies the value's own schema; a whole number cannot be drawn from a range of fractions.
 */
export function swept(value: z.ZodType<ParameterValue>): z.ZodType<SweptValue> {
  return z.union([value, grid(value), choice(value), ...ranges(value)], {
    error: SEVERAL_VALUES,
  });
}

const samples = z
  .number()
  .int()
  .min(1)
  .max(MAX_SAMPLES)
  .describe("How many draws; equal for all sampled parameters of an arm.");

function grid(value: z.ZodType<ParameterValue>): z.ZodType<Axis> {
  return z.strictObject({ grid: z.array(value).min(1) }).describe("Tries every value.");
}

function choice(value: z.ZodType<ParameterValue>): z.ZodType<Axis> {
  return z
    .strictObject({ choice: z.array(value).min(1), samples })
    .describe("Draws from a list, each value equally likely.");
}

function ranges(value: z.ZodType<ParameterValue>): z.ZodType<Axis>[] {
  if (!(value instanceof z.ZodNumber)) return [];
  const intUniform = z
    .strictObject({ int_uniform: bounds(value.int()), samples })
    .describe("Draws whole numbers, both bounds included.");
  if (value.isInt) return [intUniform];
  return [
    z.strictObject({ uniform: bounds(value), samples }).describe("Draws from a range, uniformly."),
    z
      .strictObject({ log_uniform: bounds(value.positive()), samples })
      .describe("Draws from a range of positive numbers, uniformly in their logarithm."),
    intUniform,
  ];
}

function bounds(value: z.ZodNumber): z.ZodType<[number, number]> {
  return z
    .tuple([value, value])
    .refine(([low, high]) => low < high, { error: "the first bound must be below the second" });
}
