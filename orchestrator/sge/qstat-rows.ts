import { XMLParser, XMLValidator } from "fast-xml-parser";
import { z } from "zod";
import type { GridTask } from "../ports/scheduler.ts";
import { taskCount, taskRanges, type TaskRange } from "./task-ranges.ts";
import { taskState } from "./task-state.ts";

/** A row of `qstat -xml`: one running task, or tasks that wait together. */
export interface QstatRow extends GridTask {
  /** The tasks it stands for; null where the grid job is no array. */
  ranges: TaskRange[] | null;
}

const Row = z.object({
  JB_job_number: z.string().regex(/^\d+$/),
  JB_name: z.string(),
  state: z.string(),
  queue_name: z.string().default(""),
  tasks: z.string().optional(),
});

/** A list without entries is read as the white space in it. */
const Rows = z.union([
  z.string().transform(() => []),
  z.object({ job_list: z.array(Row) }).transform(({ job_list: rows }) => rows),
]);

/** Running tasks stand in `queue_info`, waiting ones in the inner `job_info`. */
const Answer = z.object({ job_info: z.object({ queue_info: Rows, job_info: Rows }) });

const parser = new XMLParser({
  parseTagValue: false,
  isArray: (name) => name === "job_list",
});

/**
 * Reads what `qstat -xml` printed, with whatever a site's login prints around it. Null where that
 * is no whole answer, which an empty one is: nobody may conclude from it that anything is gone.
 */
export function qstatRows(stdout: string): QstatRow[] | null {
  const end = "</job_info>";
  const xml = stdout.slice(stdout.indexOf("<?xml"), stdout.lastIndexOf(end) + end.length);
  if (!xml.startsWith("<?xml") || XMLValidator.validate(xml) !== true) return null;
  const answer = Answer.safeParse(parser.parse(xml));
  if (!answer.success) return null;
  const { queue_info: running, job_info: waiting } = answer.data.job_info;
  const rows: QstatRow[] = [];
  for (const row of [...running, ...waiting]) {
    const ranges = row.tasks === undefined ? null : taskRanges(row.tasks);
    if (row.tasks !== undefined && ranges === null) return null;
    rows.push(qstatRow(row, ranges));
  }
  return rows;
}

function qstatRow(row: z.infer<typeof Row>, ranges: TaskRange[] | null): QstatRow {
  const tasks = ranges === null ? 1 : taskCount(ranges);
  return {
    job: row.JB_job_number,
    task: tasks === 1 ? (ranges?.[0]?.first ?? null) : null,
    tasks,
    name: row.JB_name,
    state: taskState(row.state),
    shown: row.state,
    host: /@(.+)$/.exec(row.queue_name)?.[1] ?? null,
    ranges,
  };
}
