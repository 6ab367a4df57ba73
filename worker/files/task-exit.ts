import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { z } from "zod";

/** `task-N.JOB.exit` of a submission: how a task of a scheduler ended, by its own word. */
const TaskExit = z.object({
  version: z.literal(1),
  job: z.string(),
  task: z.number().int(),
  status: z.number().int(),
});
export type TaskExit = z.infer<typeof TaskExit>;

const MAX_BYTES = 4096;

/** How those tasks of a submission ended that could say so, in no order. */
export function readTaskExits(submissionDirectory: string): TaskExit[] {
  return readdirSync(submissionDirectory)
    .filter((name) => /^task-\d+\.\d+\.exit$/.test(name))
    .flatMap((name) => {
      const bytes = readFileSync(path.join(submissionDirectory, name));
      return bytes.length > MAX_BYTES ? [] : (parsed(bytes.toString()) ?? []);
    });
}

function parsed(text: string): TaskExit | null {
  try {
    return TaskExit.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}
