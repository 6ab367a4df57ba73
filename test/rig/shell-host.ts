import { spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import { copyFile, readFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type {
  CommandResult,
  RemoteHost,
  RunOptions,
} from "../../orchestrator/ports/remote-host.ts";

/** This machine in the place of a remote one: scripts run under its `/bin/sh`, as on any other. */
export class ShellHost implements RemoteHost {
  readonly user = userInfo().username;
  readonly name = "here";
  readonly through: readonly string[] = [];
  readonly #environment: NodeJS.ProcessEnv;
  /** Scripts run so far. */
  readonly ran: string[] = [];

  /** Without a home unless given one: the profile of who runs the tests is no part of them. */
  constructor(environment: NodeJS.ProcessEnv = { ...process.env, HOME: "/nonexistent" }) {
    this.#environment = environment;
  }

  async run(script: string, { stdin }: RunOptions = {}): Promise<CommandResult> {
    this.ran.push(script);
    const child = spawn("/bin/sh", ["-c", script], { env: this.#environment });
    const output = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"] as const) {
      child[name].setEncoding("utf8").on("data", (text: string) => (output[name] += text));
    }
    const ended = new Promise<number>((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (status) => resolve(status ?? 128));
    });
    const input = stdin instanceof Readable ? stdin : Readable.from([stdin ?? ""]);
    // A script that ends early closes its input: its status says why.
    await pipeline(input, child.stdin).catch(() => {});
    const status = await ended;
    return { ...output, status };
  }

  async upload(source: string | Readable, remotePath: string): Promise<void> {
    if (typeof source === "string") await copyFile(source, remotePath);
    else await pipeline(source, createWriteStream(remotePath));
  }

  async readFile(remotePath: string): Promise<Buffer | null> {
    return readFile(remotePath).catch(() => null);
  }

  stream(): never {
    throw new Error("not needed");
  }

  download(): never {
    throw new Error("not needed");
  }

  async close(): Promise<void> {}
}
