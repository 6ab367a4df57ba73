import { shellLine, shellWord } from "../ssh/shell-words.ts";
import type { ClusterSite } from "../sweep/site-config.ts";

/** Exit status of a set-up line that failed. */
const SETUP_FAILED = 71;

/**
 * A POSIX shell text that runs a program on a login host as grid jobs run theirs: in a login shell
 * of bash, after the set-up lines, with the site's own cache. What the lines print goes to stderr.
 */
export function siteShell(
  { setup }: Pick<ClusterSite, "setup">,
  { root, words }: { root: string; words: readonly string[] },
): string {
  const lines = [
    ...setup.map((line) => `eval ${shellWord(line)} >&2 || exit ${SETUP_FAILED}`),
    `export QSWEEP_CACHE=${shellWord(`${root}/cache`)}`,
    `exec ${shellLine(words)}`,
  ];
  return `exec ${shellLine(["bash", "-lc", lines.join("\n")])}`;
}
