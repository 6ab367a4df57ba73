/** One thing that a cluster must offer. */
export interface SiteCheck {
  check: string;
  /** A warning lets a set-up go on; a problem stops it. */
  status: "ok" | "warning" | "problem";
  /** What was found, as one line. */
  message: string;
  /** What the user can do; null where there is nothing to do. */
  remedy: string | null;
}

export function ok(check: string, message: string): SiteCheck {
  return { check, status: "ok", message, remedy: null };
}

export function warning(check: string, message: string, remedy: string): SiteCheck {
  return { check, status: "warning", message, remedy };
}

export function problem(check: string, message: string, remedy: string): SiteCheck {
  return { check, status: "problem", message, remedy };
}

/** What a program said, as one line: its last line that says anything, cut to a bearable length. */
export function said(output: string): string {
  const line = output.trim().split("\n").at(-1)?.trim() ?? "";
  return line === "" ? "it said nothing" : line.slice(0, 200);
}
