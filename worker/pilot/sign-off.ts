import { rmSync } from "node:fs";
import { writeFileDurably } from "../files/durable-write.ts";
import { markDone, submissionPaths } from "../files/submission-directory.ts";

/**
 * A pilot's word, as files, that it looks for no more work, and that nobody of its submission needs
 * to. It is given before the last look, so that a launch that adds work and then counts pilots
 * either is seen by this one or does not count it; what the last look finds takes it back. Only a
 * pilot killed between the two, in the moment of a launch, leaves work to nobody: the next launch
 * sees that.
 */
export class SignOff {
  readonly #file: string;
  readonly #submission: string;
  #isGiven = false;

  constructor({ file, submission }: { file: string; submission: string }) {
    this.#file = file;
    this.#submission = submission;
    rmSync(file, { force: true });
  }

  get isGiven(): boolean {
    return this.#isGiven;
  }

  /** `settled`: every trial is, so that tasks of the submission may end unseen. */
  give({ settled }: { settled: boolean }): void {
    writeFileDurably(this.#file, "");
    if (settled) markDone(this.#submission);
    this.#isGiven = true;
  }

  /** There is work: for the tasks that follow too, whoever told them that there is none. */
  takeBack(): void {
    rmSync(this.#file, { force: true });
    rmSync(submissionPaths(this.#submission).done, { force: true });
    this.#isGiven = false;
  }
}
