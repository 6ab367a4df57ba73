import { Failure } from "../contract/failure.ts";
import type { AttemptFailure } from "../contract/trial-files.ts";
import { errorCode } from "../files/error-code.ts";

type Reason = AttemptFailure["reason"];

/** What each expected failure is called in an exit record, and whether trying again could help. */
const NAMED: Partial<Record<Failure["reason"], { reason: Reason; retryable: boolean }>> = {
  "nan-loss": { reason: "nan-loss", retryable: false },
  "out-of-memory": { reason: "out-of-memory", retryable: true },
  "data-missing": { reason: "data-missing", retryable: false },
  "data-invalid": { reason: "data-invalid", retryable: false },
  "image-invalid": { reason: "data-invalid", retryable: false },
  "model-missing": { reason: "model-missing", retryable: false },
  "model-invalid": { reason: "model-invalid", retryable: false },
  "file-invalid": { reason: "model-invalid", retryable: false },
  "engine-missing": { reason: "engine-missing", retryable: false },
  "engine-build": { reason: "engine-missing", retryable: false },
  // Another machine may have one that works.
  "gpu-unknown": { reason: "gpu-unknown", retryable: true },
  "disk-full": { reason: "disk-full", retryable: true },
};

/** As TensorFlow's kernels and allocators, V8 and libstdc++ word it. */
const OUT_OF_MEMORY =
  /\bOOM\b|resource[ _]exhausted|bad_alloc|out of memory|array buffer allocation failed|\bENOMEM/i;

/** The exit record's account of whatever ended an attempt. Unknown errors may be tried again. */
export function attemptFailure(error: unknown): AttemptFailure {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof Failure) {
    const named = NAMED[error.reason];
    return {
      reason: named?.reason ?? "trainer-crashed",
      message: `${message}; ${error.remedy}`,
      retryable: named?.retryable ?? true,
    };
  }
  if (isDiskFull(error)) return { reason: "disk-full", message, retryable: true };
  if (OUT_OF_MEMORY.test(message)) return { reason: "out-of-memory", message, retryable: true };
  return { reason: "trainer-crashed", message, retryable: true };
}

/** Whether a file operation failed for lack of space or quota. */
export function isDiskFull(error: unknown): boolean {
  const code = errorCode(error);
  return code === "ENOSPC" || code === "EDQUOT";
}
