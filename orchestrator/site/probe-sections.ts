/** What one probe printed, both its outputs in one. */
export interface Section {
  output: string;
  /** Exit status; null where the shell ended before the probe did. */
  status: number | null;
}

/**
 * The sections of a probe script's output by name. Whatever stands outside the frames is a banner.
 */
export function readSections(output: string, nonce: string): Map<string, Section> {
  const sections = new Map<string, Section>();
  const [, ...parts] = output.split(`\n<${nonce}:begin:`);
  for (const part of parts) {
    const head = part.indexOf(">\n");
    if (head === -1) continue;
    const name = part.slice(0, head);
    const body = part.slice(head + 2);
    const end = new RegExp(`\n<${nonce}:end:(\\d+)>\n`).exec(`${body}\n`);
    sections.set(name, {
      output: body.slice(0, end?.index ?? body.length).trim(),
      status: end ? Number(end[1]) : null,
    });
  }
  return sections;
}
