import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { commandPrompter } from "../../../orchestrator/ssh/terminal-prompter.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "qsweep-askpass-"));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(directory, { recursive: true, force: true });
});

/** Has a program answer, as OpenSSH's users do; it writes its arguments to a file. */
async function askpass(script: string): Promise<string> {
  const program = path.join(directory, "askpass");
  const asked = path.join(directory, "asked");
  await writeFile(program, `#!/bin/sh\nprintf '%s|' "$@" > '${asked}'\n${script}\n`);
  await chmod(program, 0o700);
  vi.stubEnv("SSH_ASKPASS", program);
  vi.stubEnv("SSH_ASKPASS_REQUIRE", "force");
  return asked;
}

const question = { prompt: "(ada@cluster) Code $(echo no): ", hidden: true };

it("SSH_ASKPASS answers with its first line, given the question as its one argument", async () => {
  const asked = await askpass("echo 123456; echo more");
  const prompter = commandPrompter();
  expect(prompter.isTerminal).toBe(true);
  expect(await prompter.ask(question)).toBe("123456");
  expect(await readFile(asked, "utf8")).toBe(`${question.prompt}|`);
});

it("SSH_ASKPASS refuses by its status", async () => {
  await askpass("echo 123456; exit 1");
  expect(await commandPrompter().ask(question)).toBeNull();
});

it("a withdrawn question of SSH_ASKPASS has no answer", async () => {
  await askpass("exec sleep 60");
  const signal = AbortSignal.abort();
  expect(await commandPrompter().ask({ ...question, signal })).toBeNull();
});

it("SSH_ASKPASS counts only when it is required: else there is a terminal, or nobody", async () => {
  await askpass("echo 123456");
  vi.stubEnv("SSH_ASKPASS_REQUIRE", "");
  // The tests' own standard input is no terminal.
  expect(commandPrompter().isTerminal).toBe(false);
});
