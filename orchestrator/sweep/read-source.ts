import { open, type FileHandle } from "node:fs/promises";
import { Failure, type FailureReason } from "../../worker/contract/failure.ts";
import { diagnostic, DiagnosedFailure } from "./diagnostic.ts";
import { MAX_YAML_BYTES } from "./read-yaml.ts";
import { sourceText, type SourceText } from "./source-text.ts";

/**
 * Reads a YAML file that a person wrote. Throws Failure `sweep-unknown` if there is no such file, and
 * a diagnosed failure with the given reason if it is too large (it is then not read) or not text.
 */
export async function readSource(file: string, invalid: FailureReason): Promise<SourceText> {
  const bytes = await readBounded(file);
  const refused = (message: string) => {
    const source = sourceText({ name: file, kind: "file", text: "" });
    const diagnostics = [diagnostic(message, { source, start: 0, end: 0 })];
    return new DiagnosedFailure({ reason: invalid, remedy: "Check the file's name.", diagnostics });
  };
  if (!bytes) throw refused(`the file is larger than ${MAX_YAML_BYTES / 1e6} MB`);
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return sourceText({ name: file, kind: "file", text });
  } catch {
    throw refused("the file is not UTF-8 text");
  }
}

/** The bytes of a regular file, or null if there are too many. */
async function readBounded(file: string): Promise<Buffer | null> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(file);
    const status = await handle.stat();
    if (!status.isFile()) throw new Error("not a file");
    return status.size > MAX_YAML_BYTES ? null : await handle.readFile();
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
