import { homedir } from "node:os";
import path from "node:path";

/** Where downloads and builds are kept; safe to delete at any time. */
export function cacheDirectory(): string {
  return (
    process.env["QSWEEP_CACHE"] ??
    path.join(process.env["XDG_CACHE_HOME"] ?? path.join(homedir(), ".cache"), "qsweep")
  );
}

/** Where this user's record of launched sweeps is kept. */
export function stateDirectory(): string {
  return (
    process.env["QSWEEP_STATE"] ??
    path.join(process.env["XDG_STATE_HOME"] ?? path.join(homedir(), ".local", "state"), "qsweep")
  );
}
