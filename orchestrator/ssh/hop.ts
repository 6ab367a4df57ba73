import { setTimeout as delay } from "node:timers/promises";
import type { Duplex } from "node:stream";
import { Client, type HostVerifier } from "ssh2";
import { Failure } from "../../worker/contract/failure.ts";
import { Credentials } from "./credentials.ts";
import { checkHostKey, hostKeyAlgorithms } from "./host-key.ts";
import type { HostSettings } from "./host-settings.ts";
import type { Identities, KeyRing } from "./key-ring.ts";
import type { Prompter } from "./prompter.ts";
import { authenticationFailure, connectFailure, isBusyServer, timedOut } from "./ssh-failures.ts";

/** How long a person may take for an answer, or for a push to a phone that the server waits for. */
const PERSON_SECONDS = 180;
/** Waits before trying a server again that had too many logins at once. */
const BUSY_WAITS_SECONDS = [0.5, 1, 2, 4];

export interface HopOptions {
  settings: HostSettings;
  prompter: Prompter;
  keyRing: KeyRing;
  /** The machine before this one, and how to get a stream through it; null for the first. */
  through: { name: string; open: () => Promise<Duplex> } | null;
}

export interface Hop {
  client: Client;
  /** Settled once the connection is over, however it ends. */
  closed: Promise<void>;
}

/**
 * Connects to one machine and authenticates there. Throws the Failure that says what a person can
 * do about it. A server that hangs up before anything was sent is tried again a few times.
 */
export async function connectHop(options: HopOptions): Promise<Hop> {
  const { settings, through, keyRing } = options;
  const via = through?.name ?? null;
  const identities = await keyRing.identities(settings);
  for (const waitSeconds of [...BUSY_WAITS_SECONDS, null]) {
    try {
      const sock = await through?.open();
      return await new Login(options, identities).connect(sock ?? null);
    } catch (error) {
      if (error instanceof Failure) throw error;
      if (waitSeconds === null || !isBusyServer(error)) {
        throw connectFailure(error, { settings, via });
      }
      await delay(waitSeconds * 1000);
    }
  }
  throw new Error("unreachable: the last wait is null");
}

/** One try to connect and authenticate. */
class Login {
  readonly #options: HopOptions;
  readonly #client = new Client();
  readonly #credentials: Credentials;
  /** Aborted when it is over, so that no question stays open. */
  readonly #over = new AbortController();
  #handshaken = false;
  /** The host key that was checked: each renewal of the session's keys offers it again. */
  #checked: Buffer | null = null;
  #timer: NodeJS.Timeout | undefined;
  #fail: (error: unknown) => void = () => {};

  constructor(options: HopOptions, identities: Identities) {
    this.#options = options;
    this.#credentials = new Credentials({
      settings: options.settings,
      prompter: options.prompter,
      identities,
      signal: this.#over.signal,
      onStep: () => this.#expect(PERSON_SECONDS),
      onRefused: (failure) => this.#fail(failure),
    });
  }

  async connect(sock: Duplex | null): Promise<Hop> {
    const { settings } = this.#options;
    const closed = new Promise<void>((resolve) => this.#client.on("close", resolve));
    // A machine that hangs up through a jump host ends only its own half of the way.
    sock?.once("end", () => sock.end());
    try {
      await new Promise<void>((resolve, reject) => {
        this.#fail = reject;
        this.#listen(resolve);
        this.#expect(settings.connectTimeoutSeconds);
        this.#client.connect({
          host: settings.host,
          port: settings.port,
          username: settings.user,
          ...(sock === null ? {} : { sock }),
          readyTimeout: 0,
          keepaliveInterval: settings.keepAliveSeconds * 1000,
          keepaliveCountMax: settings.keepAliveCount,
          algorithms: { serverHostKey: hostKeyAlgorithms(settings) },
          hostVerifier: this.#verifyHost,
          authHandler: this.#credentials.handler,
        });
      });
      return { client: this.#client, closed };
    } catch (error) {
      this.#client.destroy();
      sock?.destroy();
      throw error;
    } finally {
      this.#over.abort();
      clearTimeout(this.#timer);
    }
  }

  #listen(resolve: () => void): void {
    this.#client
      .on("handshake", () => {
        this.#handshaken = true;
        this.#expect(PERSON_SECONDS);
      })
      .on("change password", () => {
        const { name } = this.#options.settings;
        this.#fail(
          authenticationFailure(
            `${name}: the password has expired`,
            `set a new one by ssh ${name}, then run the command again`,
          ),
        );
      })
      .on("ready", () => {
        this.#client.setNoDelay(true);
        resolve();
      })
      // An agent that fails is one way less; the others are still tried.
      .on("error", (error) => {
        if (error.level !== "agent") this.#fail(this.#explain(error));
      })
      .on("close", () => this.#fail(this.#explain(new Error("the server hung up"))));
  }

  /** Before the host key is checked an error is the connection's; after it, the login's. */
  #explain(error: Error): unknown {
    const { settings, through } = this.#options;
    if (!this.#handshaken) return error;
    return connectFailure(error, { settings, via: through?.name ?? null });
  }

  readonly #verifyHost: HostVerifier = (key, verify) => {
    const { settings, prompter } = this.#options;
    if (this.#checked?.equals(key)) return verify(true);
    this.#expect(PERSON_SECONDS);
    checkHostKey(key, { settings, prompter, signal: this.#over.signal }).then(
      () => {
        this.#checked = Buffer.from(key);
        this.#expect(settings.connectTimeoutSeconds);
        verify(true);
      },
      (error: unknown) => {
        this.#fail(error);
        verify(false);
      },
    );
  };

  /** Gives up when nothing happens for so long. */
  #expect(seconds: number): void {
    clearTimeout(this.#timer);
    if (this.#over.signal.aborted) return;
    const { settings, through } = this.#options;
    this.#timer = setTimeout(() => {
      const failure = this.#handshaken
        ? authenticationFailure(
            `${settings.name}: nobody answered in ${seconds} s`,
            "run the command again",
          )
        : timedOut(settings, through?.name ?? null);
      this.#fail(failure);
    }, seconds * 1000);
  }
}
