import { describe, expect, it } from "vitest";
import { resizeBicubic } from "../../../worker/data/bicubic-resize.ts";

// The bytes themselves are compared with Pillow's in test/reference/images.test.ts.
describe("resizing", () => {
  it.each([
    [5, 9],
    [40, 3],
    [3, 40],
  ])("keeps one level everywhere when going to %i by %i", (width, height) => {
    const data = new Uint8Array(7 * 11 * 3).fill(201);
    const resized = resizeBicubic({ width: 7, height: 11, channels: 3, data }, width, height);
    expect(resized).toEqual({
      width,
      height,
      channels: 3,
      data: new Uint8Array(width * height * 3).fill(201),
    });
  });

  it("changes nothing at the same size", () => {
    const data = Uint8Array.from({ length: 6 * 4 * 3 }, (_, at) => (at * 37) % 256);
    const source = { width: 6, height: 4, channels: 3, data };
    expect(resizeBicubic(source, 6, 4)).toEqual(source);
  });

  it("clips overshoot at a hard edge instead of wrapping around", () => {
    const data = Uint8Array.from([0, 0, 0, 255, 255, 255]);
    const { data: wide } = resizeBicubic({ width: 6, height: 1, channels: 1, data }, 24, 1);
    expect(wide).toEqual(wide.toSorted());
    expect([wide[0], wide.at(-1)]).toEqual([0, 255]);
  });
});
