const BEGIN = "<!-- The bench writes what follows: npm run bench -- --write docs/benchmarks.md -->";
const END = "<!-- The bench writes up to here. -->";

/**
 * A Markdown text with a table in place of the one between its marks; at its end where it has none.
 * What people wrote around the marks stays.
 */
export function withTable(text: string, table: string): string {
  const block = `${BEGIN}\n\n${table.trim()}\n\n${END}`;
  const begin = text.indexOf(BEGIN);
  const end = text.indexOf(END);
  if (begin === -1 || end < begin) return `${text.trimEnd()}\n\n${block}\n`.trimStart();
  return `${text.slice(0, begin)}${block}${text.slice(end + END.length)}`;
}
