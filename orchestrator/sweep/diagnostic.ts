import { Failure, type FailureReason } from "../../worker/contract/failure.ts";
import { spotOf, type Span, type Spot } from "./source-text.ts";

/**
 * One problem in what the user wrote, with its place and, where two places clash, the other one.
 */
export interface Diagnostic {
  message: string;
  spot: Spot;
  related?: { message: string; spot: Spot };
}

export function diagnostic(
  message: string,
  span: Span,
  related?: { message: string; span: Span },
): Diagnostic {
  return {
    message,
    spot: spotOf(span),
    ...(related && { related: { message: related.message, spot: spotOf(related.span) } }),
  };
}

interface DiagnosedFailureDetails {
  reason: FailureReason;
  remedy: string;
  /** At least one. */
  diagnostics: Diagnostic[];
}

/** A file with more problems than this has one cause, and that is among the first. */
export const MAX_NAMED = 50;

/** A failure caused by places in the user's files; holds every problem, sorted by place. */
export class DiagnosedFailure extends Failure {
  readonly diagnostics: readonly Diagnostic[];

  constructor({ reason, remedy, diagnostics }: DiagnosedFailureDetails) {
    const sorted = withoutRepeats(diagnostics.toSorted(byPlace));
    super({
      reason,
      remedy,
      message: summary(sorted),
      places: sorted
        .slice(0, MAX_NAMED)
        .flatMap(({ spot, related }) => [spot.place, ...(related ? [related.spot.place] : [])]),
    });
    this.diagnostics = sorted;
  }
}

/** How a place is written in one line: an option has no lines to count. */
export function placeText({ place, kind }: Spot): string {
  return kind === "option" ? place.file : `${place.file}:${place.line}:${place.column}`;
}

function summary(diagnostics: readonly Diagnostic[]): string {
  const lines = diagnostics
    .slice(0, MAX_NAMED)
    .map(({ message, spot }) => `${placeText(spot)}: ${message}`);
  const count = diagnostics.length;
  return count === 1 ? lines.join() : `${count} problems: ${lines.join("; ")}`;
}

/** Files come before options, because options change what files say. */
function byPlace({ spot: a }: Diagnostic, { spot: b }: Diagnostic): number {
  if (a.kind !== b.kind) return a.kind === "file" ? -1 : 1;
  if (a.place.file !== b.place.file) return a.place.file < b.place.file ? -1 : 1;
  return a.place.line - b.place.line || a.place.column - b.place.column;
}

function withoutRepeats(sorted: Diagnostic[]): Diagnostic[] {
  const seen = new Set<string>();
  return sorted.filter(({ message, spot }) => {
    const key = `${placeText(spot)} ${message}`;
    return !seen.has(key) && seen.add(key);
  });
}
