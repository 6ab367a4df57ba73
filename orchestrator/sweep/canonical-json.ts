import { hash } from "node:crypto";

/**
 * JSON with the keys of every map sorted: equal values have equal text, however they were built.
 * Takes what JSON can hold. `known` has the texts of parts that many values share (by identity).
 */
export function canonicalJson(value: unknown, known?: ReadonlyMap<unknown, string>): string {
  const text = known?.get(value);
  if (text !== undefined) return text;
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item, known)).join(",")}]`;
  if (Number.isFinite(value)) return String(value);
  if (typeof value === "string") return quoted(value);
  if (!isJsonMap(value)) return JSON.stringify(value);
  let entries = "";
  for (const key of Object.keys(value).toSorted()) {
    entries += `${entries && ","}${quoted(key)}:${canonicalJson(value[key], known)}`;
  }
  return `{${entries}}`;
}

/** As JSON; most texts are names, which need no escaping. */
function quoted(text: string): string {
  return /^\w*$/.test(text) ? `"${text}"` : JSON.stringify(text);
}

/** SHA-256 of a text, in hex. */
export function sha256(text: string): string {
  return hash("sha256", text, "hex");
}

export function isJsonMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
