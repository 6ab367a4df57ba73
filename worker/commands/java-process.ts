import { spawn } from "node:child_process";
import path from "node:path";
import { createInterface } from "node:readline";
import { Failure } from "../contract/failure.ts";
import { errorCode } from "../files/error-code.ts";

/** What is kept of a program's complaints: their end says what went wrong. */
const COMPLAINT_CHARACTERS = 4096;

interface JavaTool {
  /** Absolute. */
  jar: string;
  /** Most memory for it, as `-Xmx` takes it. */
  memory: string;
  words: readonly string[];
}

interface Conversation {
  /** Hands a line to the program. */
  say: (line: string) => void;
  /** The next line that it prints. */
  hear: () => Promise<string>;
  /** Settles when the program has done its work. */
  ended: () => Promise<void>;
}

/**
 * Runs a Java program beside its own files for one conversation, and ends it with that. Throws
 * Failure `tool-missing` without Java, and where the program ends too early or in an error.
 */
export async function talkToJava<T>(
  { jar, memory, words }: JavaTool,
  talk: (conversation: Conversation) => Promise<T>,
): Promise<T> {
  const argv = [`-Xmx${memory}`, "-jar", jar, ...words];
  const child = spawn("java", argv, { cwd: path.dirname(jar), stdio: ["pipe", "pipe", "pipe"] });
  let complaint = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    complaint = `${complaint}${text}`.slice(-COMPLAINT_CHARACTERS);
  });
  // Its end shows as the end of what it prints.
  child.stdin.on("error", () => {});
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const end = new Promise<number | null | Error>((resolve) => {
    child.on("error", resolve);
    child.on("close", resolve);
  });
  const failed = async (): Promise<Failure> => {
    const status = await end;
    if (errorCode(status) === "ENOENT") return javaMissing();
    return brokenTool(jar, `failed: ${complaintIn(complaint) || `status ${String(status)}`}`);
  };
  try {
    return await talk({
      say: (line) => void child.stdin.write(`${line}\n`),
      hear: async () => {
        const { value, done } = await lines.next();
        if (done === true) throw await failed();
        return value;
      },
      ended: async () => {
        child.stdin.end();
        if ((await end) !== 0) throw await failed();
      },
    });
  } finally {
    child.kill();
  }
}

/** The Failure of a tool that is there and does not do its work. */
export function brokenTool(jar: string, problem: string): Failure {
  return new Failure({
    reason: "tool-missing",
    message: `${jar} ${problem}`,
    remedy: "check that the package is whole (SPICE needs Stanford's models beside it)",
  });
}

function javaMissing(): Failure {
  return new Failure({
    reason: "tool-missing",
    message: "METEOR and SPICE are Java programs, and there is no `java` on the PATH",
    remedy: "install a Java runtime, or leave --java-metrics out",
  });
}

/** The cause in a stack trace, or else the last line. */
function complaintIn(text: string): string {
  const lines = text.trim().split("\n");
  const line = lines.findLast((one) => /^(?:Caused by:|Exception|Error)/.test(one)) ?? lines.at(-1);
  return line?.trim() ?? "";
}
