import { writeFile } from "node:fs/promises";
import path from "node:path";
import { Command } from "commander";
import type { Report } from "../../../worker/commands/command-report.ts";
import { registerScoreCommand } from "../../../worker/commands/score.ts";
import type { CaptionMetrics } from "../../../worker/metrics/caption-scores.ts";
import { temporaryFolder } from "../data/temporary-folder.ts";

/** What `score --json` prints. */
interface ScoreValue {
  images: number;
  metrics: CaptionMetrics;
  perImage?: (CaptionMetrics & { image_id: number })[];
}

/** Runs `score` in this process on files with the given content. */
export async function runScore(
  files: { references: unknown; predictions: unknown },
  ...options: string[]
): Promise<Report & { value: ScoreValue }> {
  const folder = await temporaryFolder();
  const words = await Promise.all(
    Object.entries(files).map(async ([name, content]) => {
      const file = path.join(folder, `${name}.json`);
      await writeFile(file, JSON.stringify(content));
      return [`--${name}`, file];
    }),
  );
  const reports: Report[] = [];
  const program = new Command().exitOverride().configureOutput({ outputError: () => {} });
  registerScoreCommand(program, {
    show: (report) => reports.push(report),
    progress: () => {},
  });
  await program.parseAsync(["score", ...words.flat(), ...options], { from: "user" });
  return reports[0] as Report & { value: ScoreValue };
}
