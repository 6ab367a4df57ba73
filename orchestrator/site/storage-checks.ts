import type { Section } from "./probe-sections.ts";
import { ok, problem, said, type SiteCheck, warning } from "./site-check.ts";

type Sections = ReadonlyMap<string, Section>;

/** A worker, a TensorFlow, a model, and a few checkpoints with optimiser state. */
const WANTED_BYTES = 20e9;
/** A worker alone has 3,500 files. */
const WANTED_INODES = 20_000;

/** The root directory: whether it can be made and written to, and what fits. */
export function storageChecks(sections: Sections, root: string): SiteCheck[] {
  return [
    directoryCheck(root, sections.get("directory")),
    amountCheck({
      check: "space",
      section: sections.get("space"),
      wanted: WANTED_BYTES / 1024,
      show: (kibibytes) => `${((kibibytes * 1024) / 1e9).toFixed(1)} GB free`,
    }),
    amountCheck({
      check: "inodes",
      section: sections.get("inodes"),
      wanted: WANTED_INODES,
      show: (inodes) => `${inodes} free`,
    }),
    quotaCheck(sections.get("quota")),
  ];
}

function directoryCheck(root: string, section: Section | undefined): SiteCheck {
  const near = section?.output.split("\n")[0] ?? "";
  const remedy = "Give a folder of yours on the shared file system as `root` of the site's file.";
  if (section?.status === 20) return problem("root", `${near} is no directory`, remedy);
  if (section?.status !== 0) return problem("root", `${near || root} is not writable`, remedy);
  if (near === root) return ok("root", `${root} is writable`);
  return ok("root", `${root} will be made in ${near}`);
}

interface Amount {
  check: string;
  section: Section | undefined;
  /** In the unit of `df`'s column of what is available. */
  wanted: number;
  show: (available: number) => string;
}

function amountCheck({ check, section, wanted, show }: Amount): SiteCheck {
  const available = freeOf(section);
  if (available === null) return ok(check, "not told by df");
  const remedy = "Remove what is not needed, or choose another `root`.";
  if (available <= 0) return problem(check, show(available), remedy);
  if (available < wanted) {
    return warning(check, `${show(available)}, ${show(wanted)} are advisable`, remedy);
  }
  return ok(check, show(available));
}

/** The fourth column of `df -P`; the first may hold blanks, so they are counted from the `%`. */
function freeOf(section: Section | undefined): number | null {
  const line = section?.status === 0 ? (section.output.split("\n").at(-1) ?? "") : "";
  const free = /\s(\d+)\s+\d+%\s/.exec(line)?.[1];
  return free === undefined ? null : Number(free);
}

/** `quota` marks with `*` what is over its limit. */
function quotaCheck(section: Section | undefined): SiteCheck {
  if (section === undefined || section.status === 127) return ok("quota", "not told by `quota`");
  const over = section.output.split("\n").find((line) => /\s\d+\*/.test(line));
  if (over !== undefined) {
    return problem(
      "quota",
      `over the limit: ${said(over).replaceAll(/\s+/g, " ")}`,
      "Remove what is not needed, or ask for a larger quota.",
    );
  }
  return ok(
    "quota",
    section.output === "" ? "none told by `quota`" : "below the limits of `quota`",
  );
}
