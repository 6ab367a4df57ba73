import { open, type FileHandle } from "node:fs/promises";
import { Failure, type FailureReason } from "../../worker/contract/failure.ts";
import { diagnostic, DiagnosedFailure } from "./diagnostic.ts";
import { MAX_YAML_BYTES } from "./read-yaml.ts";
import { sourceText, type SourceText } from "./source-text.ts";

/**
 * Reads a YAML file that a person wrote. Throws Failure `sweep-unknown` if there is no such file,
 * and a diagnosed failure with the given reason if it is too large (it is then not read) or not
 * text.
 */
export async function readSource(file: string, invalid: FailureReason): Promise<SourceText> {
  const { bytes, isWhole } = await readBounded(file);
  if (!isWhole) throw refused(file, invalid, { message: TOO_LARGE, bytes });
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return sourceText({ name: file, kind: "file", text });
  } catch {
    throw refused(file, invalid, { message: "the file is not UTF-8 text", bytes });
  }
}

const TOO_LARGE = `the file is larger than ${MAX_YAML_BYTES / 1e6} MB`;

/** What is read of a file that is too large: its first line, to show. */
const PREVIEW_BYTES = 200;

function refused(
  file: string,
  reason: FailureReason,
  { message, bytes }: { message: string; bytes: Buffer },
): DiagnosedFailure {
  const text = bytes.toString("utf8", 0, PREVIEW_BYTES);
  const source = sourceText({ name: file, kind: "file", text });
  return new DiagnosedFailure({
    reason,
    remedy: `Give a YAML file: UTF-8 text of at most ${MAX_YAML_BYTES / 1e6} MB.`,
    diagnostics: [diagnostic(message, { source, start: 0, end: 0 })],
  });
}

async function readBounded(file: string): Promise<{ bytes: Buffer; isWhole: boolean }> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(file);
    const status = await handle.stat();
    if (!status.isFile()) throw new Error("not a file");
    if (status.size <= MAX_YAML_BYTES) return { bytes: await handle.readFile(), isWhole: true };
    const { buffer } = await handle.read(Buffer.alloc(PREVIEW_BYTES), 0, PREVIEW_BYTES, 0);
    return { bytes: buffer, isWhole: false };
  } catch (cause) {
    throw new Failure({
      reason: "sweep-unknown",
      message: `cannot read the file ${file}`,
      remedy: "Give the path of a sweep file, such as configs/sweeps/demo.yaml.",
      cause,
    });
  } finally {
    await handle?.close();
  }
}
