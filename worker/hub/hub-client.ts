import { Failure } from "../contract/failure.ts";
import type { HubSettings } from "./hub-settings.ts";

const MAX_REDIRECTS = 5;
const ATTEMPTS = 5;
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 30_000;

export interface HubRequest {
  /** From the endpoint on, beginning with a slash. */
  path: string;
  /** What it is, for messages. */
  what: string;
  method: "GET" | "HEAD";
  headers?: Record<string, string>;
  /** Whether an answer that leads to another host is followed, or is the answer. */
  leaveHost: boolean;
}

/** Waits between attempts; in tests it does not. */
export type Pause = (milliseconds: number) => Promise<void>;

/**
 * Asks a hub. The token goes to the endpoint's origin only, never along with a redirect elsewhere.
 * A hub that is down or busy is asked again, a limited number of times, after growing pauses.
 */
export class HubClient {
  readonly #settings: HubSettings;
  readonly #pause: Pause;

  constructor(settings: HubSettings, pause: Pause) {
    this.#settings = settings;
    this.#pause = pause;
  }

  /**
   * The answer to a request, of one attempt: a success, an answer to a range (206, 416), or a
   * redirect not followed. Throws Failure `model-missing` for what is not there, `hub-refused`
   * without the right to it, and what `persistently` tries again.
   */
  async ask(request: HubRequest): Promise<Response> {
    const response = await this.#follow(request);
    if (response.ok || response.status === 416 || isRedirect(response)) return response;
    await response.body?.cancel();
    throw refusal(request.what, response);
  }

  /**
   * Does what may fail by a hub's weakness or the network's, again while there is hope; then throws
   * Failure `hub-unreachable`.
   */
  async persistently<T>(what: string, attempt: () => Promise<T>): Promise<T> {
    let problem: unknown;
    for (let number = 0; number < ATTEMPTS; number += 1) {
      if (number > 0) await this.#pause(pauseBefore(number, problem));
      try {
        return await attempt();
      } catch (error) {
        if (error instanceof Failure || !isPassing(error)) throw error;
        problem = error;
      }
    }
    throw new Failure({
      reason: "hub-unreachable",
      message: `${this.#settings.endpoint} did not deliver ${what}: ${reasonOf(problem)}`,
      remedy: "see that the network and HF_ENDPOINT are right, then run the command again",
      cause: problem,
    });
  }

  async #follow({ path, method, headers, leaveHost }: HubRequest): Promise<Response> {
    const { endpoint, token } = this.#settings;
    const { origin } = new URL(endpoint);
    let url = new URL(`${endpoint}${path}`);
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects += 1) {
      const isOwn = url.origin === origin;
      const authorization = isOwn && token !== null ? { authorization: `Bearer ${token}` } : {};
      const response = await fetch(url, {
        method,
        redirect: "manual",
        // Sizes and checksums are those of the plain bytes.
        headers: { ...headers, ...authorization, "accept-encoding": "identity" },
      });
      const location = response.headers.get("location");
      if (!isRedirect(response) || location === null) return response;
      const next = new URL(location, url);
      if (!leaveHost && next.origin !== url.origin) return response;
      await response.body?.cancel();
      url = next;
    }
    throw new HubTrouble(`more than ${MAX_REDIRECTS} redirects`);
  }
}

/** What another attempt may help against, in words. */
export class HubTrouble extends Error {
  readonly pauseMs: number | null;

  constructor(message: string, pauseMs: number | null = null) {
    super(message);
    this.pauseMs = pauseMs;
  }
}

function isRedirect({ status }: Response): boolean {
  return [301, 302, 303, 307, 308].includes(status);
}

/** What an answer that is none means: a Failure, or trouble that may pass. */
function refusal(what: string, { status, headers }: Response): Error {
  if (status >= 500 || status === 429 || status === 408) {
    const seconds = Number(headers.get("retry-after") ?? Number.NaN);
    return new HubTrouble(`status ${status}`, Number.isFinite(seconds) ? 1000 * seconds : null);
  }
  if (status === 401 || status === 403) {
    return new Failure({
      reason: "hub-refused",
      message: `the hub refuses ${what} (status ${status})`,
      remedy: "check its name; for a private or gated model, accept its terms and set HF_TOKEN",
    });
  }
  return new Failure({
    reason: "model-missing",
    message: `the hub has no ${what} (status ${status})`,
    remedy: "check the model's name and revision",
  });
}

/** Errors of the network reach us as a TypeError with a cause, from `fetch` or an answer's body. */
function isPassing(error: unknown): boolean {
  if (error instanceof HubTrouble) return true;
  return error instanceof TypeError && error.cause instanceof Error;
}

function pauseBefore(attempt: number, problem: unknown): number {
  const asked = problem instanceof HubTrouble ? problem.pauseMs : null;
  return Math.min(asked ?? FIRST_PAUSE_MS * 2 ** (attempt - 1), LONGEST_PAUSE_MS);
}

function reasonOf(problem: unknown): string {
  if (!(problem instanceof Error)) return String(problem);
  const { cause } = problem;
  return cause instanceof Error ? cause.message : problem.message;
}
