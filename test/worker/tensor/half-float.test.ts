import { assert, float, property } from "fast-check";
import { describe, expect, it, test } from "vitest";
import { floatsToHalves, halvesToFloats } from "../../../worker/tensor/half-float.ts";

const ALL_HALVES = Uint16Array.from({ length: 2 ** 16 }, (_, half) => half);

const halfOf = (value: number): number => floatsToHalves(Float32Array.of(value))[0]!;
const valueOf = (half: number): number => halvesToFloats(Uint16Array.of(half))[0]!;

// Made with NumPy 2.4.6: numpy.float32(x).astype(numpy.float16).view(numpy.uint16).
const NUMPY: [number, number][] = [
  [1, 0x3c00],
  [-2, 0xc000],
  [0.3333333432674408, 0x3555],
  [65504, 0x7bff],
  [65519.99609375, 0x7bff],
  [65520, 0x7c00],
  [-65520, 0xfc00],
  [1e9, 0x7c00],
  [3.4028234663852886e38, 0x7c00],
  [6.103515625e-5, 0x0400],
  [6.097555160522461e-5, 0x03ff],
  [6.1005353927612305e-5, 0x0400],
  [5.960464477539063e-8, 0x0001],
  [2 ** -25, 0x0000],
  [2.980232594040899e-8, 0x0001],
  [8.940696716308594e-8, 0x0002],
  [-1.000000013351432e-10, 0x8000],
  [1.00048828125, 0x3c00],
  [1.0004884004592896, 0x3c01],
  [1.00146484375, 0x3c02],
  [2049, 0x6800],
  [2051, 0x6802],
  [-0, 0x8000],
  [9.99994610111476e-41, 0x0000],
  [-Infinity, 0xfc00],
];

describe("a float becomes NumPy's half", () => {
  it.each(NUMPY)("%d", (value, half) => {
    expect(halfOf(value)).toBe(half);
  });
});

test("every half has the value that IEEE 754 defines", () => {
  const defined = Float32Array.from(ALL_HALVES, (half) => {
    const sign = half >= 0x8000 ? -1 : 1;
    const exponent = (half >> 10) & 0x1f;
    const fraction = half & 0x3ff;
    if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
    if (exponent === 0) return sign * fraction * 2 ** -24;
    return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  });
  expect(halvesToFloats(ALL_HALVES)).toEqual(defined);
});

test("every half comes back from its float as it was, bit for bit", () => {
  expect(floatsToHalves(halvesToFloats(ALL_HALVES))).toEqual(ALL_HALVES);
});

test("NaN stays NaN, also where a half has no room for what it carries", () => {
  const narrow = new Float32Array(Uint32Array.of(0x7f800001, 0xff801fff, 0x7fc00000).buffer);
  expect([...halvesToFloats(floatsToHalves(narrow))]).toEqual([NaN, NaN, NaN]);
});

test("no half is nearer, and of two as near the even one is taken", () => {
  assert(
    property(float({ min: -65504, max: 65504, noNaN: true }), (value) => {
      const half = halfOf(value);
      const distance = (other: number): number => Math.abs(valueOf(other) - value);
      const neighbours = [half - 1, half + 1].filter((other) => (other & 0x7fff) <= 0x7bff);
      for (const other of neighbours) {
        // Beside zero and across the sign bit there is nothing to compare with.
        if (other < 0 || (other & 0x8000) !== (half & 0x8000)) continue;
        if (distance(other) === distance(half)) expect(half & 1).toBe(0);
        else expect(distance(half)).toBeLessThan(distance(other));
      }
    }),
    { numRuns: 2000 },
  );
});

test("a view into a larger array is converted alone", () => {
  const floats = Float32Array.of(9, 1, 2, 9);
  expect([...floatsToHalves(floats.subarray(1, 3))]).toEqual([0x3c00, 0x4000]);
});
