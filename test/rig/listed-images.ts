import { readdir } from "node:fs/promises";
import path from "node:path";
import { fileDigest } from "../../worker/files/file-digest.ts";

/** How many images of different contents a data set's two splits have. */
export async function listedImages(root: string): Promise<number> {
  const digests = new Set<string>();
  for (const split of ["train", "val"]) {
    const folder = path.join(root, split);
    for (const name of await readdir(folder))
      digests.add(await fileDigest(path.join(folder, name)));
  }
  return digests.size;
}
