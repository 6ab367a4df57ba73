import { Failure } from "../contract/failure.ts";

const IDS_SHOWN = 5;

/** The ids that stood before in the list, each as often as it comes again. */
export function repeatedIds(ids: readonly number[]): number[] {
  const seen = new Set<number>();
  return ids.filter((id) => seen.size === seen.add(id).size);
}

/** Throws Failure `data-invalid` with the number of different ids and the first few, if any. */
export function refuseIds(ids: readonly number[], problem: string, remedy: string): void {
  const different = [...new Set(ids)];
  if (different.length === 0) return;
  const shown = different.slice(0, IDS_SHOWN).join(", ");
  const more = different.length > IDS_SHOWN ? ", …" : "";
  const message = `${problem} (${different.length} in all): ${shown}${more}`;
  throw new Failure({ reason: "data-invalid", message, remedy });
}
