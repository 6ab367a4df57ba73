import { describe, expect, it } from "vitest";
import {
  AttemptStopped,
  type StopReason,
  unlessStopped,
} from "../../../worker/train/attempt-control.ts";

describe("unlessStopped", () => {
  it("gives what the work gives", async () => {
    expect(await unlessStopped({ requested: () => null }, Promise.resolve(7))).toBe(7);
  });

  it("passes on the work's error", async () => {
    const error = new Error("broken");
    const waiting = unlessStopped({ requested: () => null }, Promise.reject(error));
    await expect(waiting).rejects.toBe(error);
  });

  it("ends work that does not end by itself when a stop is asked for", async () => {
    let asked: StopReason | null = null;
    const waiting = unlessStopped({ requested: () => asked }, new Promise(() => {}));
    asked = "walltime";
    await expect(waiting).rejects.toEqual(new AttemptStopped("walltime"));
  });
});
