import type { ClusterSite } from "../sweep/site-config.ts";
import { GRID_COMMANDS, TOOLS } from "./probe-script.ts";
import type { Section } from "./probe-sections.ts";
import { ok, problem, said, type SiteCheck, warning } from "./site-check.ts";

type Sections = ReadonlyMap<string, Section>;

const NODE_MINIMUM = [20, 19] as const;
const MODULE_WORDS =
  /ERROR|Unable to locate a modulefile|module\(s\) are unknown|cannot be loaded as requested/;

/** What the login host's shell offers: platform, set-up lines, Node, programs. */
export function loginChecks(
  sections: Sections,
  site: Pick<ClusterSite, "setup" | "node">,
): SiteCheck[] {
  return [
    platformCheck(sections.get("system")),
    ...site.setup.map((line, index) => setupCheck(line, sections.get(`setup:${index}`))),
    nodeCheck(site.node, sections.get("node")),
    toolsCheck(sections),
    gridCommandsCheck(sections),
    pythonCheck(sections.get("python")),
  ];
}

function platformCheck(system: Section | undefined): SiteCheck {
  const platform = system?.output ?? "";
  if (/^Linux (?:x86_64|amd64)$/.test(platform)) return ok("platform", platform);
  return problem(
    "platform",
    `the login host is ${platform || "of an unknown kind"}`,
    "Name a login host with Linux on x86-64: our native parts are built for it.",
  );
}

function setupCheck(line: string, section: Section | undefined): SiteCheck {
  const check = "set-up";
  const shown = `\`${line}\``;
  const remedy = "Correct the line in `setup` of the site's file.";
  if (!section) return problem(check, `${shown} was not run`, "Correct the line before it.");
  const { status, output } = section;
  if (status === null) return problem(check, `${shown} ended the shell`, remedy);
  if (/\bmodule: (?:command )?not found/.test(output)) {
    return problem(
      check,
      `${shown} failed: \`module\` is not defined in a login shell of bash`,
      "Put the line that defines it first, such as `. /etc/profile.d/modules.sh`, in `setup`.",
    );
  }
  if (status !== 0) return problem(check, `${shown} failed: ${said(output)}`, remedy);
  // Older versions of `module` complain and yet end with 0.
  const complaint = output.split("\n").find((each) => MODULE_WORDS.test(each));
  if (complaint !== undefined) {
    return problem(check, `${shown} complains: ${said(complaint)}`, remedy);
  }
  return ok(check, shown);
}

function nodeCheck(node: string, section: Section | undefined): SiteCheck {
  const remedy = `Load Node ${NODE_MINIMUM.join(".")} or newer in \`setup\`, or give its path as \`node\`.`;
  const version = /^v(\d+)\.(\d+)\.\d+$/m.exec(section?.output ?? "");
  if (section?.status !== 0 || !version) {
    const words = section ? said(section.output) : "the set-up lines ended the shell before it";
    return problem("node", `\`${node} --version\` does not answer: ${words}`, remedy);
  }
  const [shown, major, minor] = [version[0], Number(version[1]), Number(version[2])];
  const [leastMajor, leastMinor] = NODE_MINIMUM;
  if (major > leastMajor || (major === leastMajor && minor >= leastMinor)) return ok("node", shown);
  return problem("node", `${node} is ${shown}, too old`, remedy);
}

function missing(sections: Sections, names: readonly string[]): string[] {
  return names.filter((name) => sections.get(`command:${name}`)?.status !== 0);
}

function toolsCheck(sections: Sections): SiteCheck {
  const absent = missing(sections, TOOLS);
  if (absent.length === 0) return ok("programs", TOOLS.join(", "));
  return problem(
    "programs",
    `not on PATH: ${absent.join(", ")}`,
    "Add their folder to PATH in `setup` of the site's file.",
  );
}

function gridCommandsCheck(sections: Sections): SiteCheck {
  const absent = missing(sections, GRID_COMMANDS);
  if (absent.length === 0) {
    return ok("grid engine", sections.get("command:qsub")?.output ?? "qsub");
  }
  return problem(
    "grid engine",
    `missing from PATH without a terminal: ${absent.join(", ")}`,
    "Add a line to `setup`, such as `. $SGE_ROOT/default/common/settings.sh` with its full path.",
  );
}

function pythonCheck(section: Section | undefined): SiteCheck {
  if (section?.status === 0) return ok("python3", said(section.output));
  return warning(
    "python3",
    "no python3 on PATH",
    "Only its TensorFlow and its Redis would be used: `setup` can load it.",
  );
}
