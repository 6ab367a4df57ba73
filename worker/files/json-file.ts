import { readFile, stat } from "node:fs/promises";
import type { z } from "zod";
import { Failure, type FailureReason } from "../contract/failure.ts";

const PROBLEMS_SHOWN = 3;

export interface JsonFileOptions<T> {
  file: string;
  schema: z.ZodType<T>;
  /** A longer file is refused before it is read. */
  maxBytes: number;
  /** Reasons and remedy of the failures. */
  missing: FailureReason;
  invalid: FailureReason;
  remedy: string;
}

/** Reads a JSON file of bounded length; throws Failure `missing`, or `invalid` with what is wrong. */
export async function readJsonFile<T>(options: JsonFileOptions<T>): Promise<T> {
  const { file, schema } = options;
  const parsed = schema.safeParse(parse(await readBoundedFile(options), options));
  if (parsed.success) return parsed.data;
  const { issues } = parsed.error;
  const shown = issues
    .slice(0, PROBLEMS_SHOWN)
    .map(({ path, message }) => (path.length === 0 ? message : `${path.join(".")}: ${message}`));
  const more = issues.length > PROBLEMS_SHOWN ? [`${issues.length - PROBLEMS_SHOWN} more`] : [];
  throw failure(options, options.invalid, `${file}: ${[...shown, ...more].join("; ")}`);
}

/** Reads a text file of bounded length, with the same failures. */
export async function readBoundedFile(
  options: Omit<JsonFileOptions<unknown>, "schema">,
): Promise<string> {
  const { file, maxBytes } = options;
  const found = await stat(file).catch(() => null);
  if (found === null || !found.isFile()) {
    throw failure(options, options.missing, `${file} does not exist, or is no file`);
  }
  if (found.size > maxBytes) {
    throw failure(options, options.invalid, `${file} has ${found.size} bytes, over ${maxBytes}`);
  }
  return readFile(file, "utf8");
}

function parse(text: string, options: Omit<JsonFileOptions<unknown>, "schema">): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    // The message quotes the file, line ends and control characters included.
    const line = problem.replaceAll(/[\s\p{Cc}]+/gu, " ");
    throw failure(options, options.invalid, `${options.file}: not JSON: ${line}`, error);
  }
}

function failure(
  { remedy }: { remedy: string },
  reason: FailureReason,
  message: string,
  cause?: unknown,
): Failure {
  return new Failure({ reason, message, remedy, cause });
}
