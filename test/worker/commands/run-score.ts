import { writeFile } from "node:fs/promises";
import path from "node:path";
import type { Report } from "../../../worker/commands/command-report.ts";
import { registerScoreCommand } from "../../../worker/commands/score.ts";
import type { CaptionMetrics } from "../../../worker/metrics/caption-scores.ts";
import { temporaryFolder } from "../data/temporary-folder.ts";
import { runCommand } from "./run-command.ts";

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
  const report = await runCommand(registerScoreCommand, ["score", ...words.flat(), ...options]);
  return report as Report & { value: ScoreValue };
}
