// Pictures as the model takes them, decoded and resized ahead as in training: `preprocess FOLDER`.
import { answer } from "./answer.ts";
import { openPictures } from "./product.ts";

const read = await openPictures(process.argv[2] ?? "");

await answer({}, async () => ({ sum: await read() }));
