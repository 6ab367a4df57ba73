import { describe, expect, it } from "vitest";
import { Failure, type FailureReason } from "../../../worker/contract/failure.ts";
import { attemptFailure } from "../../../worker/train/attempt-failure.ts";

const failure = (reason: FailureReason) =>
  new Failure({ reason, message: "what happened", remedy: "what to do" });
const fileError = (code: string) => Object.assign(new Error(`${code}: write`), { code });

describe("attemptFailure", () => {
  it.each([
    [failure("nan-loss"), "nan-loss", false],
    [failure("disk-full"), "disk-full", true],
    [failure("data-missing"), "data-missing", false],
    [failure("data-invalid"), "data-invalid", false],
    [failure("model-missing"), "model-missing", false],
    [failure("model-invalid"), "model-invalid", false],
    [failure("file-invalid"), "model-invalid", false],
    [failure("engine-missing"), "engine-missing", false],
    [fileError("ENOSPC"), "disk-full", true],
    [fileError("EDQUOT"), "disk-full", true],
    [new Error("OOM when allocating tensor with shape[64,512]"), "out-of-memory", true],
    [new Error("Invalid TF_Status: 8 RESOURCE_EXHAUSTED: ..."), "out-of-memory", true],
    [new Error("std::bad_alloc"), "out-of-memory", true],
    [new RangeError("Array buffer allocation failed"), "out-of-memory", true],
    [new Error("room for zoom"), "trainer-crashed", true],
    ["not even an error", "trainer-crashed", true],
  ] as const)("names %s", (error, reason, retryable) => {
    expect(attemptFailure(error)).toMatchObject({ reason, retryable });
  });

  it("keeps what happened and what to do", () => {
    expect(attemptFailure(failure("nan-loss")).message).toBe("what happened; what to do");
  });
});
