import { describe, expect, it } from "vitest";
import { tokenArrays } from "../../../worker/train/caption-batch.ts";

const tokens = [
  [2, 7, 3],
  [2, 8, 9, 10, 3],
];
const ids = [2, 7, 3, 0, 0, 2, 8, 9, 10, 3];

describe("tokenArrays", () => {
  it.each([
    ["pads_counted", ids],
    ["pads_masked", [2, 7, 3, -100, -100, 2, 8, 9, 10, 3]],
  ] as const)("pads to the longest caption of the batch, labels %s", (labels, expected) => {
    const arrays = tokenArrays({ tokens, padId: 0, labels });
    expect(arrays.shape).toEqual([2, 5]);
    expect([...arrays.inputIds]).toEqual(ids);
    expect([...arrays.attentionMask]).toEqual([1, 1, 1, 0, 0, 1, 1, 1, 1, 1]);
    expect([...arrays.labels]).toEqual(expected);
  });

  it("masks padding, not a token that has the padding's id", () => {
    const withPadToken = [
      [2, 0, 3],
      [2, 3],
    ];
    const { labels } = tokenArrays({ tokens: withPadToken, padId: 0, labels: "pads_masked" });
    expect([...labels]).toEqual([2, 0, 3, 2, 3, -100]);
  });
});
