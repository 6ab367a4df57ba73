/** A word of a POSIX shell that means exactly this text. Throws on NUL, which none can carry. */
export function shellWord(text: string): string {
  if (text.includes("\0")) throw new Error("a shell word cannot hold a NUL");
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** A program and its arguments for a POSIX shell, which passes each on exactly as it is. */
export function shellLine(words: readonly string[]): string {
  return words.map(shellWord).join(" ");
}
