/** One word of a POSIX shell that means exactly this text. Throws on NUL, which no shell carries. */
export function shellWord(text: string): string {
  if (text.includes("\0")) throw new Error("a shell word cannot hold a NUL");
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** A command of a POSIX shell: a program and its arguments, each passed on exactly as it is. */
export function shellLine(words: readonly string[]): string {
  return words.map(shellWord).join(" ");
}
