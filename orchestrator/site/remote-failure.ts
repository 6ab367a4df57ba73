import { Failure, type FailureReason } from "../../worker/contract/failure.ts";

const FULL = /No space left on device|Disk quota exceeded/i;
const FORBIDDEN = /Permission denied|Read-only file system/i;

/** Why something was not done on a site, by what the programs there said. */
export function remoteFailure({
  what,
  stderr,
  reason = "site-not-ready",
}: {
  /** What failed and where, as the beginning of a line. */
  what: string;
  stderr: string;
  /** For a cause that the words do not tell. */
  reason?: FailureReason;
}): Failure {
  const lines = stderr.trim().split("\n");
  const telling = lines.find((line) => FULL.test(line) || FORBIDDEN.test(line));
  const said = (telling ?? lines.at(-1) ?? "").trim();
  const message = said === "" ? what : `${what}: ${said}`;
  if (FULL.test(stderr)) {
    const remedy = "Make room there (`quota` tells yours), then run the command again.";
    return new Failure({ reason: "disk-full", message, remedy });
  }
  const remedy = FORBIDDEN.test(stderr)
    ? "Choose a root directory that you may write to, in the site's file."
    : "Run the command again; `qsweep site check` names what is missing.";
  return new Failure({ reason, message, remedy });
}
