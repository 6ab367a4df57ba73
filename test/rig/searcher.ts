import { CaptionSearcher } from "../../worker/model/caption-searcher.ts";
import type { Captioner } from "../../worker/model/captioner.ts";
import { openRunner } from "../../worker/tensor/open-runner.ts";

/** Searches with a captioner as it is now, in the way that is set: see `describeEachWay`. */
export async function withSearcher<T>(
  captioner: Captioner,
  use: (searcher: CaptionSearcher) => Promise<T>,
): Promise<T> {
  const runner = openRunner(captioner);
  try {
    return await use(new CaptionSearcher(captioner, runner));
  } finally {
    runner.dispose();
  }
}
