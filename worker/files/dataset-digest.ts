import path from "node:path";
import { Failure } from "../contract/failure.ts";
import { fileDigest } from "./file-digest.ts";

/**
 * SHA-256 (hex) of the annotation file of each split. Throws Failure `data-missing` if one cannot
 * be read.
 */
export async function datasetDigest({
  root,
  splits,
}: {
  root: string;
  splits: readonly string[];
}): Promise<Record<string, string>> {
  const digests: Record<string, string> = {};
  for (const split of splits) {
    const file = path.join(root, "annotations", `${split}.json`);
    digests[split] = await fileDigest(file).catch((cause: unknown) => {
      throw new Failure({
        reason: "data-missing",
        message: `the data set has no readable ${file}`,
        remedy:
          "Give the folder that holds annotations/ as dataset.root; " +
          "`npm run demo` draws the demo set.",
        cause,
      });
    });
  }
  return digests;
}
