// A training step: `step MODEL SIZE full|lora pixels|states`.
import { sizeNamed } from "../model-sizes.ts";
import { answer } from "./answer.ts";
import { openSteps } from "./product.ts";

const [directory = "", sizeName, method, images] = process.argv.slice(2);
if (method !== "full" && method !== "lora") throw new Error(`no method ${method}`);
if (images !== "pixels" && images !== "states") throw new Error(`no images ${images}`);
const { trained, step } = await openSteps({ directory, size: sizeNamed(sizeName), method, images });

await answer({ trained }, async () => ({ loss: await step() }));
