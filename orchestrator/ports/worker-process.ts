/** Runs what needs TensorFlow, the model or the metrics: the laptop's own process loads none. */
export interface WorkerProcess {
  /**
   * Runs a command of `worker/cli.ts` to its end. It has this process's streams, so it prints for
   * itself. Returns its exit status; 128 + n where signal n ended it, as shells say it.
   */
  run(commandLine: string[]): Promise<number>;
}
