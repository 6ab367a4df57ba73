/** A spot in a file the user wrote; line and column count from 1. */
export interface Place {
  file: string;
  line: number;
  column: number;
}

/** Every way a command can fail that a user can act on. Anything else is a bug and throws plain. */
export const FAILURE_REASONS = [
  "usage",
  "sweep-invalid",
  "site-invalid",
  "sweep-unknown",
  "sweep-conflict",
  "trial-unknown",
  "model-missing",
  "model-invalid",
  "data-missing",
  "data-invalid",
  "image-invalid",
  "file-invalid",
  "hub-unreachable",
  "hub-refused",
  "engine-missing",
  "engine-build",
  "tool-missing",
  "broker-unreachable",
  "ssh-unreachable",
  "ssh-host-key",
  "ssh-authentication",
  "ssh-lost",
  "site-not-ready",
  "scheduler-unreachable",
  "scheduler-refused",
  "gpu-unknown",
  "disk-full",
  "nan-loss",
  "out-of-memory",
  "no-result",
] as const;
export type FailureReason = (typeof FAILURE_REASONS)[number];

export interface FailureDetails {
  reason: FailureReason;
  /** What happened and where, as one line. */
  message: string;
  /** What the user can do about it, as one line. */
  remedy: string;
  places?: Place[];
  cause?: unknown;
}

/** An expected failure: shown as one clear line, or as `{error}` under `--json`. */
export class Failure extends Error {
  readonly reason: FailureReason;
  readonly remedy: string;
  readonly places: Place[];

  constructor({ reason, message, remedy, places, cause }: FailureDetails) {
    super(message, { cause });
    this.name = "Failure";
    this.reason = reason;
    this.remedy = remedy;
    this.places = places ?? [];
  }

  /** The value printed under `--json`, and sent from a child process to its parent. */
  toJSON(): { reason: FailureReason; message: string; remedy: string; places: Place[] } {
    return { reason: this.reason, message: this.message, remedy: this.remedy, places: this.places };
  }
}
