import type { Duplex } from "node:stream";
import { createInterface } from "node:readline";
import { Failure } from "../../worker/contract/failure.ts";
import { type AgentResponse, decodeMessage, encodeMessage } from "./agent-message.ts";
import type { AgentMethod, SiteAgent } from "./site-agent.ts";

interface Pending {
  settle: (response: AgentResponse) => void;
  lose: (failure: Failure) => void;
}

/** The CLI's end of the line to its agent. */
export class AgentClient {
  readonly #stream: Duplex;
  readonly #pending = new Map<number, Pending>();
  readonly #lost: Promise<never>;
  #next = 1;

  private constructor(stream: Duplex, lines: AsyncIterableIterator<string>) {
    this.#stream = stream;
    this.#lost = this.#read(lines).then(() => {
      const failure = lostAgent();
      for (const { lose } of this.#pending.values()) lose(failure);
      throw failure;
    });
    this.#lost.catch(() => {});
  }

  /**
   * Waits for the agent's greeting on a stream to it; what profiles and banners printed before is
   * passed to `noise`. Throws Failure `site-not-ready` when the stream ends without one.
   */
  static async greet(
    stream: Duplex,
    { nonce, noise }: { nonce: string; noise: (line: string) => void },
  ): Promise<AgentClient> {
    const lines = createInterface({ input: stream, crlfDelay: Infinity })[Symbol.asyncIterator]();
    for (;;) {
      const { value, done } = await lines.next();
      if (done) {
        throw new Failure({
          reason: "site-not-ready",
          message: "our program on the login host did not start",
          remedy: "See the lines above; `qsweep site check` names what is missing.",
        });
      }
      if (value === greeting(nonce)) return new AgentClient(stream, lines);
      noise(value);
    }
  }

  /** Throws what the agent's method throws, and Failure `ssh-lost` when the line breaks. */
  async call<M extends AgentMethod>(
    method: M,
    ...params: Parameters<SiteAgent[M]>
  ): Promise<Awaited<ReturnType<SiteAgent[M]>>> {
    const id = this.#next++;
    const response = new Promise<AgentResponse>((settle, lose) => {
      this.#pending.set(id, { settle, lose });
    });
    this.#stream.write(`${encodeMessage({ id, method, params })}\n`);
    const answer = await Promise.race([response, this.#lost]);
    if ("failure" in answer) throw new Failure(answer.failure);
    if ("bug" in answer) throw new Error(`on the login host: ${answer.bug}`);
    return resultOf(answer);
  }

  close(): void {
    this.#stream.end();
  }

  async #read(lines: AsyncIterableIterator<string>): Promise<void> {
    try {
      for await (const line of lines) {
        const response: AgentResponse = decodeMessage(line);
        this.#pending.get(response.id)?.settle(response);
        this.#pending.delete(response.id);
      }
    } catch {
      // A broken stream and an ended one are the same to those who wait for an answer.
    }
  }
}

/** First line of an agent; the nonce tells it from anything a profile prints. */
export function greeting(nonce: string): string {
  return `qsweep-agent ${nonce}`;
}

/** Untyped on purpose: `call` names the type, and both ends are one build. */
function resultOf(answer: { result: unknown }) {
  const { result }: { result: ReturnType<typeof JSON.parse> } = answer;
  return result;
}

function lostAgent(): Failure {
  return new Failure({
    reason: "ssh-lost",
    message: "the connection to the login host was lost before the answer came",
    remedy: "Run the command again: it picks up where things stand.",
  });
}
