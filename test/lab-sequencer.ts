import { readFileSync, statSync } from "node:fs";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/**
 * Files that need the cluster, which one of them has at a time, spread out among the others: two
 * that came at once would wait for each other.
 */
export class LabSequencer extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = largestFirst(files);
    const onLab = sorted.filter(needsLab);
    const others = sorted.filter((file) => !needsLab(file));
    const step = Math.ceil(others.length / Math.max(onLab.length, 1));
    return onLab
      .flatMap((file, index) => [file, ...others.slice(index * step, (index + 1) * step)])
      .concat(onLab.length === 0 ? others : []);
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
