// Pictures as the model takes them, decoded and resized ahead as in training: `preprocess FOLDER`.
import { readdirSync } from "node:fs";
import path from "node:path";
import { ImageStore } from "../../../worker/data/image-store.ts";
import { normalise, readPreprocessor } from "../../../worker/data/image-transform.ts";
import { answer } from "./answer.ts";

const [folder = ""] = process.argv.slice(2);
const preprocessor = await readPreprocessor(folder);
const images = readdirSync(folder)
  .filter((name) => /\.(?:jpg|png)$/.test(name))
  .toSorted()
  .map((name) => ({ file: path.join(folder, name) }));

await answer({}, async () => {
  const store = await ImageStore.open({
    images,
    preprocessor,
    maxBadImages: 0,
    onBadImage: () => {},
  });
  let sum = 0;
  for (const index of images.keys()) {
    const values = normalise([await store.pixels(index)], preprocessor);
    for (const value of values) sum += value;
  }
  return { sum };
});
