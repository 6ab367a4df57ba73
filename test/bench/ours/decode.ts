// Captions of pictures: `decode MODEL SIZE BEAMS`. Writes its weights to MODEL, for the other side.
import { sizeNamed } from "../model-sizes.ts";
import { answer } from "./answer.ts";
import { openCaptions } from "./product.ts";

const [directory = "", sizeName, beams] = process.argv.slice(2);
const search = await openCaptions(directory, sizeNamed(sizeName), Number(beams));

await answer({}, async () => ({ ids: await search() }));
