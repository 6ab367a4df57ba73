import { createInterface } from "node:readline";

/**
 * A contestant's side of `Contestant`: says that it is ready, then does `work` for each line it
 * reads and says how long that took and what it returned.
 */
export async function answer(
  ready: Record<string, unknown>,
  work: () => Promise<Record<string, unknown> | void>,
): Promise<void> {
  say(ready);
  for await (const line of createInterface({ input: process.stdin })) {
    if (line === "") continue;
    const began = performance.now();
    const found = await work();
    say({ seconds: (performance.now() - began) / 1000, ...found });
  }
}

function say(value: object): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}
