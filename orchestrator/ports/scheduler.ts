/** An array of pilots to run, as a scheduler sees it. */
export interface PilotArray {
  /** Where the submission and what came of it are kept: `<sweep>/submissions/<token>`. */
  directory: string;
  /** Unique, so that a submission whose answer was lost can be found again. */
  token: string;
  /** How many run at a time. */
  pilots: number;
  /** Log file of a pilot by its task number, from 1. */
  log: (task: number) => string;
  /**
   * The command line of a pilot by its task; it writes `signOffFile` when it finds no more work.
   */
  command: (task: number, signOffFile: string) => readonly string[];
}

/** Who runs pilots on a site. */
export interface Scheduler {
  /** Submits an array once; it goes on when this process ends. */
  submit(array: PilotArray): Promise<void>;
  /** How many pilots of a sweep run or wait to run and have not signed off. */
  livePilots(submissions: string): Promise<number>;
}
