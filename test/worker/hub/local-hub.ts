import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";

export const COMMIT = "0123456789abcdef0123456789abcdef01234567";

/** A request as the hub saw it. */
export interface Seen {
  method: string;
  url: string;
  range: string | undefined;
  authorization: string | undefined;
}

/** What the hub answers in place of what is right; true if it did. */
export type Trouble = (request: IncomingMessage, response: ServerResponse) => boolean;

/**
 * A hub on this machine with one model, and the other origin where it keeps large files: as the
 * real one it describes a file in the answer to HEAD and redirects to the content of large ones.
 */
export class LocalHub {
  readonly seen: Seen[] = [];
  readonly storeSeen: Seen[] = [];
  /** File contents; those of `large` are kept by their SHA-256 on the other origin. */
  readonly files = new Map<string, Buffer>();
  readonly large = new Set<string>();
  readonly #name: string;
  readonly #hub = createServer((request, response) => this.#answer(request, response));
  readonly #store = createServer((request, response) => this.#deliver(request, response));
  trouble: Trouble = () => false;
  storeTrouble: Trouble = () => false;

  static async start(name: string): Promise<LocalHub> {
    const hub = new LocalHub(name);
    for (const server of [hub.#hub, hub.#store]) {
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
    }
    return hub;
  }

  private constructor(name: string) {
    this.#name = name;
  }

  get endpoint(): string {
    return originOf(this.#hub);
  }

  async stop(): Promise<void> {
    for (const server of [this.#hub, this.#store]) {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    }
  }

  etagOf(file: string): string {
    const content = this.files.get(file)!;
    if (this.large.has(file)) return createHash("sha256").update(content).digest("hex");
    const blob = Buffer.concat([Buffer.from(`blob ${content.length}\0`), content]);
    return createHash("sha1").update(blob).digest("hex");
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    this.seen.push(seenAs(request));
    if (this.trouble(request, response)) return;
    const { pathname } = new URL(request.url!, this.endpoint);
    if (pathname.startsWith(`/api/models/${this.#name}/revision/`)) {
      const siblings = [...this.files.keys()].map((rfilename) => ({ rfilename }));
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ sha: COMMIT, siblings }));
      return;
    }
    const file = pathname.slice(`/${this.#name}/resolve/${COMMIT}/`.length);
    const content = this.files.get(file);
    if (content === undefined) {
      response.writeHead(404).end();
      return;
    }
    if (!this.large.has(file)) {
      response.setHeader("etag", `"${this.etagOf(file)}"`);
      send(request, response, content);
      return;
    }
    response.writeHead(302, {
      etag: '"etag-of-a-pointer"',
      "x-linked-etag": `"${this.etagOf(file)}"`,
      "x-linked-size": String(content.length),
      location: `${originOf(this.#store)}/${file}?signature=x`,
    });
    response.end();
  }

  #deliver(request: IncomingMessage, response: ServerResponse): void {
    this.storeSeen.push(seenAs(request));
    if (this.storeTrouble(request, response)) return;
    const { pathname } = new URL(request.url!, originOf(this.#store));
    send(request, response, this.files.get(pathname.slice(1))!);
  }
}

/** Sends a content, or the part of it that a request for a range asks for. */
export function send(request: IncomingMessage, response: ServerResponse, content: Buffer): void {
  const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? Number.NaN);
  const isRange = Number.isInteger(start);
  const part = isRange ? content.subarray(start) : content;
  if (isRange) {
    response.setHeader("content-range", `bytes ${start}-${content.length - 1}/${content.length}`);
  }
  response.writeHead(isRange ? 206 : 200, { "content-length": part.length });
  response.end(request.method === "HEAD" ? undefined : part);
}

function seenAs({ method, url, headers }: IncomingMessage): Seen {
  const { range, authorization } = headers;
  return { method: method!, url: url!, range, authorization };
}

function originOf(server: Server): string {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("not listening");
  return `http://127.0.0.1:${address.port}`;
}
