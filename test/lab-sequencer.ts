import { readFileSync, statSync } from "node:fs";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Of the files that need no cluster, those that are run while the first one on the cluster is. */
const MEANWHILE = 0.6;

/**
 * Files that need the cluster, which one of them has at a time, spread out among the others: two
 * that came at once would wait for each other.
 */
export class LabSequencer extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = largestFirst(files);
    const onLab = sorted.filter(needsLab);
    const others = sorted.filter((file) => !needsLab(file));
    const cut = Math.ceil(others.length * MEANWHILE);
    const [first, second] = [onLab.slice(0, 1), onLab.slice(1, 2)];
    return [first, others.slice(0, cut), second, others.slice(cut), onLab.slice(2)].flat();
  }
}

/** What is long to read is likely to be long to run. */
function largestFirst(files: readonly TestSpecification[]): TestSpecification[] {
  return files
    .map((file) => ({ file, bytes: statSync(file.moduleId).size }))
    .toSorted((a, b) => b.bytes - a.bytes)
    .map(({ file }) => file);
}

function needsLab({ moduleId }: TestSpecification): boolean {
  return readFileSync(moduleId, "utf8").includes("describeOnLab(");
}
