// Captions of pictures: `decode MODEL SIZE BEAMS`. Writes its weights into MODEL for the other side.
import { loadCaptioner } from "../../../worker/model/blip-captioner.ts";
import { loadEngine } from "../../../worker/tensor/backend.ts";
import { writeNamedTensors } from "../../../worker/tensor/named-tensors.ts";
import path from "node:path";
import { answer } from "./answer.ts";
import { randomPictures, sizeNamed } from "./random-batch.ts";

const [directory = "", sizeName, beams] = process.argv.slice(2);
const size = sizeNamed(sizeName);
const engine = await loadEngine();
const captioner = await loadCaptioner({ directory, init: "random", seed: 1, method: "untuned" });
await captioner.save(directory);
const pixelValues = randomPictures(size, 1);
await writeNamedTensors(path.join(directory, "pictures.safetensors"), { pixelValues });

await answer({ engine }, async () => {
  // No caption ends early: both sides take as many steps.
  const maxLength = 1 + size.tokens;
  const settings = { numBeams: Number(beams), maxLength, minLength: maxLength };
  const found = await captioner.search(pixelValues, [], settings);
  return { ids: found.map(([best]) => best!.ids) };
});
