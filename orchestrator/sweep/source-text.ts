import type { Place } from "../../worker/contract/failure.ts";

/** Text the user wrote: a file, or one `--set key=value` of the command line. */
export interface SourceText {
  /** The file as the user named it, or the whole option. */
  readonly name: string;
  readonly kind: "file" | "option";
  readonly text: string;
  /** Offset at which each line begins. */
  readonly lineStarts: readonly number[];
}

/** A stretch of a source: offsets in UTF-16 units, the end not included. */
export interface Span {
  readonly source: SourceText;
  readonly start: number;
  readonly end: number;
}

/** A place with what is needed to show it: the line itself and how far the mark reaches. */
export interface Spot {
  place: Place;
  kind: SourceText["kind"];
  line: string;
  length: number;
}

export function sourceText({ name, kind, text }: Omit<SourceText, "lineStarts">): SourceText {
  const lineStarts = [0];
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) {
    lineStarts.push(at + 1);
  }
  return { name, kind, text, lineStarts };
}

/** Where a span begins; its mark ends with its first line and is at least one column long. */
export function spotOf({ source, start, end }: Span): Spot {
  const index = lineIndexAt(source.lineStarts, start);
  const lineStart = source.lineStarts[index] ?? 0;
  const nextLine = source.lineStarts[index + 1];
  const lineEnd = nextLine === undefined ? source.text.length : nextLine - 1;
  const line = source.text.slice(lineStart, lineEnd).replace(/\r$/, "");
  return {
    place: { file: source.name, line: index + 1, column: start - lineStart + 1 },
    kind: source.kind,
    line,
    length: Math.max(1, Math.min(end, lineStart + line.length) - start),
  };
}

/** Binary search: the last line that begins at or before the offset. */
function lineIndexAt(lineStarts: readonly number[], offset: number): number {
  let low = 0;
  let high = lineStarts.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((lineStarts[middle] ?? 0) <= offset) low = middle;
    else high = middle - 1;
  }
  return low;
}
