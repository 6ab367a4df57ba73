// Matrix products by the engine that trains: `products M K N TIMES`.
import { answer } from "./answer.ts";
import { openProducts } from "./product.ts";

const [m = 0, k = 0, n = 0, times = 0] = process.argv.slice(2).map(Number);

await answer({}, await openProducts([m, k, n], times));
