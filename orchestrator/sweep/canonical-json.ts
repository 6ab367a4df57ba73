import { hash } from "node:crypto";

/**
 * JSON with the keys of every map sorted: equal values have equal text, however they were built.
 * Takes what JSON can hold.
 */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(sorted(value));
}

/** SHA-256 of a text, in hex. */
export function sha256(text: string): string {
  return hash("sha256", text, "hex");
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isJsonMap(value)) return value;
  const copy: Record<string, unknown> = {};
  for (const key of Object.keys(value).toSorted()) copy[key] = sorted(value[key]);
  return copy;
}

export function isJsonMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
