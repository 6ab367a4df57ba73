import { setTimeout as delay } from "node:timers/promises";

const POLL_MILLISECONDS = 50;

/** Waits until a condition holds and returns its value; throws with `what` when it never does. */
export async function waitFor<T>(
  what: string,
  condition: () => Promise<T | null | undefined | false> | T | null | undefined | false,
  timeoutSeconds = 120,
): Promise<T> {
  const deadline = performance.now() + timeoutSeconds * 1000;
  while (performance.now() < deadline) {
    const value = await condition();
    if (value !== null && value !== undefined && value !== false) return value;
    await delay(POLL_MILLISECONDS);
  }
  throw new Error(`waited ${timeoutSeconds} s for ${what}`);
}
