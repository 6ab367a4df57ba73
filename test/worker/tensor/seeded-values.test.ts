import { expect, it } from "vitest";
import { normalValues, uniformValues } from "../../../worker/tensor/seeded-values.ts";

const count = 100_001;

function draw(key: string): Float32Array {
  return uniformValues({ key, count: 8 }, [0, 1]);
}

function moments(values: Float32Array) {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return { mean, deviation: Math.sqrt(variance) };
}

it("draws equal values from equal keys and others from others", () => {
  expect(draw("1/a")).toEqual(draw("1/a"));
  expect(draw("1/a")).not.toEqual(draw("1/b"));
  expect(draw("1/a")).not.toEqual(draw("2/a"));
});

it("spreads uniform values over their range", () => {
  const values = uniformValues({ key: "u", count }, [-2, 4]);
  const { mean, deviation } = moments(values);
  expect(values.every((value) => value >= -2 && value <= 4)).toBe(true);
  expect(mean).toBeCloseTo(1, 1);
  expect(deviation).toBeCloseTo(6 / Math.sqrt(12), 1);
});

it("draws normal values of the asked deviation", () => {
  const values = normalValues({ key: "n", count }, 0.02);
  const { mean, deviation } = moments(values);
  const within = values.filter((value) => Math.abs(value) < 0.02).length / count;
  expect(Math.abs(mean)).toBeLessThan(3e-4);
  expect(Math.abs(deviation - 0.02)).toBeLessThan(3e-4);
  expect(within).toBeCloseTo(0.6827, 2);
});

it("does not change earlier values when more are drawn", () => {
  const few = normalValues({ key: "n", count: 6 }, 1);
  expect(normalValues({ key: "n", count: 100 }, 1).slice(0, 6)).toEqual(few);
});
