/** Marks text for a terminal, or leaves it as it is. */
export interface Style {
  bold: (text: string) => string;
  dim: (text: string) => string;
  red: (text: string) => string;
  green: (text: string) => string;
}

/** Colours only where someone looks: on a terminal, and not against their wish (no-color.org). */
export function styleFor(
  stream: { isTTY?: boolean },
  environment: Record<string, string | undefined>,
): Style {
  const isWanted = stream.isTTY === true && !environment["NO_COLOR"];
  const sgr = (code: number) => (text: string) =>
    isWanted ? `\u001b[${code}m${text}\u001b[0m` : text;
  return { bold: sgr(1), dim: sgr(2), red: sgr(31), green: sgr(32) };
}

const CONTROL = /\p{Cc}/gu;
const HAS_CONTROL = /\p{Cc}/u;

/** The text without what a terminal would obey; tabs become one space, so that columns stay. */
export function printable(text: string): string {
  // Nearly no cell of a long table has any.
  if (!HAS_CONTROL.test(text)) return text;
  return text.replaceAll("\t", " ").replaceAll(CONTROL, "·");
}

/** The text cut to a width, the cut marked; for text without marks of a style. */
export function clipped(text: string, columns: number): string {
  return text.length <= columns ? text : `${text.slice(0, Math.max(0, columns - 1))}…`;
}
