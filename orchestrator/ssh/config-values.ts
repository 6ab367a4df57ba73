import { Failure } from "../../worker/contract/failure.ts";

/** What `%` and a letter stand for in a value of OpenSSH's configuration. */
export type Tokens = Record<string, string>;

/** The value with its `%` tokens written out. Throws Failure for one that is not known here. */
export function expandTokens(value: string, tokens: Tokens): string {
  return value.replaceAll(/%(.?)/g, (whole, letter: string) => {
    const text = letter === "%" ? "%" : tokens[letter];
    if (text !== undefined) return text;
    throw invalid(`${value}: ${whole} is not supported here`);
  });
}

export interface Jump {
  host: string;
  user?: string;
  port?: number;
}

/** `[user@]host[:port]` or `ssh://…`, with commas between; `none` is no jump. */
export function parseJumps(text: string): Jump[] {
  if (text.toLowerCase() === "none" || text === "") return [];
  return text.split(",").map((jump) => {
    const [, user, bracketed, plain, port] = JUMP.exec(jump.trim()) ?? [];
    const host = bracketed ?? plain;
    if (host === undefined) throw invalid(`ProxyJump ${text}: ${jump} is no host`);
    return {
      host,
      ...(user !== undefined && { user }),
      ...(port !== undefined && { port: Number(port) }),
    };
  });
}

const JUMP = /^(?:ssh:\/\/)?(?:(.+)@)?(?:\[([^\]]+)\]|([^:@/[\]]+))(?::(\d{1,5}))?\/?$/;

function invalid(message: string): Failure {
  const remedy = "correct ~/.ssh/config";
  return new Failure({ reason: "ssh-unreachable", message, remedy });
}
