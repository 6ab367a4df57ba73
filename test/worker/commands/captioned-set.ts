import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { temporaryFolder } from "../data/temporary-folder.ts";

const REFERENCE = fileURLToPath(new URL("../../fixtures/reference", import.meta.url));

/** A folder of the reference set that comes with the repository, whatever set is tested besides. */
export function referenceFolder(name: string): string {
  return path.join(REFERENCE, name);
}

const COLOURS = ["red", "green", "blue", "white", "black"];

/** A data set of plain pictures with a test split: images without captions, out of order. */
export async function testSplit(): Promise<{ root: string; ids: number[]; files: string[] }> {
  const root = await temporaryFolder();
  const ids = COLOURS.map((_, index) => 40 - 7 * index);
  await mkdir(path.join(root, "annotations"));
  await mkdir(path.join(root, "test"));
  const files = ids.map((id) => path.join(root, "test", `${id}.png`));
  for (const [index, background] of COLOURS.entries()) {
    const picture = sharp({ create: { width: 20, height: 30, channels: 3, background } });
    await picture.png().toFile(files[index]!);
  }
  const images = ids.map((id) => ({ id, file_name: `${id}.png` }));
  await writeFile(path.join(root, "annotations", "test.json"), JSON.stringify({ images }));
  return { root, ids, files };
}
