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
    const data = Uint8Array.from([0, 0, 0, 255, 255, 255].flatMap((grey) => [grey, grey, grey]));
    const along = resizeBicubic({ width: 6, height: 1, channels: 3, data }, 24, 1);
    const down = resizeBicubic({ width: 1, height: 6, channels: 3, data }, 1, 24);
    expect(along.data).toEqual(along.data.toSorted());
    expect([along.data[0], along.data.at(-1)]).toEqual([0, 255]);
    expect(down.data).toEqual(along.data);
  });
});
