import { describe, expect, it } from "vitest";
import { roundedLength, tokenArrays } from "../../../worker/train/caption-batch.ts";

const tokens = [
  [2, 7, 3],
  [2, 8, 9, 10, 3],
];
const none = -100;

describe("tokenArrays", () => {
  it.each([
    ["pads_counted", [2, 7, 3, 0, 0, none, none, none]],
    ["pads_masked", [2, 7, 3, none, none, none, none, none]],
  ] as const)("pads to the longest caption, and beyond without effect: %s", (labels, first) => {
    const arrays = tokenArrays({ tokens, padId: 0, labels, rows: 2, maxLength: 20 });
    expect(arrays.shape).toEqual([2, 8]);
    expect([...arrays.inputIds]).toEqual([2, 7, 3, 0, 0, 0, 0, 0, 2, 8, 9, 10, 3, 0, 0, 0]);
    expect([...arrays.attentionMask]).toEqual([1, 1, 1, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 0, 0, 0]);
    expect([...arrays.labels]).toEqual([...first, 2, 8, 9, 10, 3, none, none, none]);
  });

  it("masks padding, not a token that has the padding's id", () => {
    const withPadToken = [
      [2, 0, 3],
      [2, 3],
    ];
    const options = { padId: 0, labels: "pads_masked", rows: 2, maxLength: 3 } as const;
    const { labels } = tokenArrays({ tokens: withPadToken, ...options });
    expect([...labels]).toEqual([2, 0, 3, 2, 3, none]);
  });

  it.each(["pads_counted", "pads_masked"] as const)(
    "fills up with rows of no effect: %s",
    (kind) => {
      const options = { padId: 9, labels: kind, rows: 3, maxLength: 3 };
      const arrays = tokenArrays({ tokens: [[2, 7, 3]], ...options });
      expect(arrays.shape).toEqual([3, 3]);
      expect([...arrays.inputIds]).toEqual([2, 7, 3, 9, 9, 9, 9, 9, 9]);
      expect([...arrays.attentionMask]).toEqual([1, 1, 1, 0, 0, 0, 0, 0, 0]);
      expect([...arrays.labels]).toEqual([2, 7, 3, none, none, none, none, none, none]);
    },
  );
});

describe("roundedLength", () => {
  it.each([
    [1, 8],
    [8, 8],
    [9, 12],
    [13, 16],
    [17, 24],
    [25, 32],
    [33, 48],
    [49, 64],
    [65, 96],
    [512, 512],
  ])("makes %d %d", (length, rounded) => {
    expect(roundedLength(length)).toBe(rounded);
  });
});
