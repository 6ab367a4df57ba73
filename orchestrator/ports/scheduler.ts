import type { ResourceRequest } from "../sweep/arm.ts";

/** An array of equal tasks for a scheduler to run. */
export interface GridArray {
  /** What each task runs: a script of `jobs/`. */
  program: "pilot" | "broker";
  /** Unique, so that a submission whose answer was lost can be found again: 8 hex digits. */
  token: string;
  /** For people, beside the token in the name that the scheduler shows. */
  label: string;
  /** Where the submission and what came of it are kept: `<sweep>/submissions/<token>`. */
  directory: string;
  /** Where tasks write what they print. */
  logs: string;
  /** What each task asks for. */
  request: ResourceRequest;
  /** How many run at a time. */
  atOnce: number;
  /** How many tasks follow one another in the place of each. */
  slices: number;
  /**
   * The command line common to all tasks. A task adds its `--name`, `--threads`, `--sign-off FILE`
   * and, where there is a walltime, `--elapsed-seconds`: what of it is over.
   */
  command: readonly string[];
  /** Variables of the tasks' environment. */
  environment: Readonly<Record<string, string>>;
  /** Further options of the scheduler's own, from the site's file. */
  directives: readonly string[];
}

/** The name that the scheduler shows: its first ten characters, which `qstat` prints, are unique. */
export function gridName(token: string, label: string): string {
  return `qs${token}-${label}`;
}

/** What a scheduler runs, in the words of any: a pilot's task, or what waits to become some. */
export interface GridTask {
  /** The scheduler's number of the grid job. */
  job: string;
  /** Null for a row that stands for tasks that wait together. */
  task: number | null;
  /** How many tasks this row stands for. */
  tasks: number;
  /** Full name of the grid job; ours hold their token. */
  name: string;
  state: "waiting" | "held" | "running" | "suspended" | "deleting" | "error";
  /** The scheduler's own word for it, such as `Eqw`. */
  shown: string;
  host: string | null;
}

/** A whole answer of a scheduler, at one moment. */
export interface GridReport {
  /** Seconds since the scheduler was asked, by the clock of the machine that asked. */
  ageSeconds: number;
  tasks: GridTask[];
}

/** What a scheduler's accounting says of a task that is over. */
export interface GridEnd {
  job: string;
  task: number | null;
  /**
   * `exit` is the program's own status; the others name what ended it. `unknown`: the accounting
   * says that it failed, and not why.
   */
  how: "exit" | "walltime" | "killed" | "node-lost" | "setup" | "rescheduled" | "unknown";
  status: number;
  /** What the accounting says, as one line for people. */
  said: string;
  host: string | null;
}

/**
 * Who runs pilots on a site. Every call throws Failure `scheduler-unreachable` when there was no
 * answer: that is never an empty one.
 */
export interface Scheduler {
  /**
   * Submits an array once and returns the grid job's number; safe to repeat with the same token.
   * Throws Failure `scheduler-refused` with the scheduler's words and a remedy.
   */
  submit(array: GridArray): Promise<string>;
  /**
   * The grid job of an array that somebody meant to submit, and who may not have learnt the answer;
   * null where there certainly is none. Submits nothing.
   */
  find(array: GridArray): Promise<string | null>;
  /** This user's grid jobs that wait or run, no older than the site's polling interval. */
  report(): Promise<GridReport>;
  /** The accounting's last word on the tasks of a grid job that it knows to be over. */
  ended(job: string): Promise<GridEnd[]>;
  /** Has grid jobs end; those already gone are no error. */
  cancel(jobs: readonly string[]): Promise<void>;
}
