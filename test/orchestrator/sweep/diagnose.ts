import { renderDiagnostics } from "../../../orchestrator/output/diagnostic.ts";
import { styleFor } from "../../../orchestrator/output/style.ts";
import { armsOf } from "../../../orchestrator/sweep/arm.ts";
import { DiagnosedFailure } from "../../../orchestrator/sweep/diagnostic.ts";
import { placed } from "../../../orchestrator/sweep/problem.ts";
import { parseSweep } from "../../../orchestrator/sweep/resolve-sweep.ts";
import { pointsOf } from "../../../orchestrator/sweep/search-space.ts";
import { sourceText } from "../../../orchestrator/sweep/source-text.ts";
import { planTrials } from "../../../orchestrator/sweep/trial-plan.ts";

export const PLAIN = styleFor({}, {});

/** A sweep text becomes trials without touching a disk: digests are those of nothing. */
export function planText(text: string, sets: readonly string[] = []) {
  const source = sourceText({ name: "s.yaml", kind: "file", text });
  const { sweep, tree } = parseSweep(source, sets);
  const settled = armsOf(sweep);
  const spaces = settled.arms.map((arm) => ({ arm, ...pointsOf(arm, sweep.sampling_seed) }));
  const problems = [...settled.problems, ...spaces.flatMap((space) => space.problems)];
  const dataset = {
    directory: "/data",
    annotations: { train: "a".repeat(64), val: "b".repeat(64) },
  };
  const arms = spaces.map(({ arm, points }) => {
    return { arm, points, model: { directory: `/${arm.model}`, digest: `digest of ${arm.model}` } };
  });
  const plan =
    problems.length > 0
      ? { specs: [], excluded: 0, problems }
      : planTrials({ sweep, arms, dataset });
  return { ...plan, diagnostics: plan.problems.map((problem) => placed(tree, problem)) };
}

/** What a user would read about a sweep text, or "" if nothing is wrong with it. */
export function diagnose(text: string, sets: readonly string[] = []): string {
  try {
    const { diagnostics } = planText(text, sets);
    if (diagnostics.length === 0) return "";
    throw new DiagnosedFailure({ reason: "sweep-invalid", remedy: "", diagnostics });
  } catch (error) {
    if (!(error instanceof DiagnosedFailure)) throw error;
    return renderDiagnostics(error.diagnostics, PLAIN);
  }
}

/** Expected texts are written indented, between the backticks' lines. */
export function lines(text: string): string {
  const [first = "", ...rows] = text.split("\n");
  if (first !== "") throw new Error("the text begins on a line of its own");
  const indent = /^ */.exec(rows.find((row) => row.trim() !== "") ?? "")?.[0].length ?? 0;
  return rows.map((row) => row.slice(indent)).join("\n");
}
