/** Numbers of an array's tasks: from `first` to `last`, every `step`-th. */
export interface TaskRange {
  first: number;
  last: number;
  step: number;
}

const RANGE = /^(\d+)(?:-(\d+)(?::(\d+))?)?$/;

/** `5-9:1,13,14` → ranges, as `qstat` and `qsub -t` write them; null where the text is none. */
export function taskRanges(text: string): TaskRange[] | null {
  const ranges: TaskRange[] = [];
  for (const part of text.split(",")) {
    const match = RANGE.exec(part.trim());
    if (!match) return null;
    const first = Number(match[1]);
    const range = { first, last: Number(match[2] ?? first), step: Number(match[3] ?? 1) };
    if (range.last < range.first || range.step < 1) return null;
    ranges.push(range);
  }
  return ranges;
}

/** How many tasks there are in all. */
export function taskCount(ranges: readonly TaskRange[]): number {
  return ranges.reduce((sum, { first, last, step }) => {
    return sum + Math.floor((last - first) / step) + 1;
  }, 0);
}

/** Whether a task is among them. */
export function hasTask(ranges: readonly TaskRange[], task: number): boolean {
  return ranges.some(
    ({ first, last, step }) => task >= first && task <= last && (task - first) % step === 0,
  );
}
