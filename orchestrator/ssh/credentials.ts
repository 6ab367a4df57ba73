import type {
  AnyAuthMethod,
  AuthenticationType,
  AuthHandlerMiddleware,
  KeyboardInteractiveAuthMethod,
  Prompt,
} from "ssh2";
import { Failure } from "../../worker/contract/failure.ts";
import type { HostSettings, SshMethod } from "./host-settings.ts";
import type { Identities } from "./key-ring.ts";
import type { Prompter } from "./prompter.ts";
import { SingleKeyAgent } from "./single-key-agent.ts";
import { authenticationFailure } from "./ssh-failures.ts";

export interface CredentialsOptions {
  settings: HostSettings;
  prompter: Prompter;
  identities: Identities;
  /** Withdraws open questions. */
  signal: AbortSignal;
  /** Something happened: whoever waits may wait anew. */
  onStep: () => void;
  /** Nothing is left to try, or the person does not want to go on. */
  onRefused: (failure: Failure) => void;
}

/**
 * Chooses what to authenticate with at one machine: keys, then what a person answers. Once the
 * server has refused a person's answer nothing more is tried: servers lock accounts.
 */
export class Credentials {
  readonly #options: CredentialsOptions;
  readonly #account: string;
  readonly #keys: SingleKeyAgent[];
  readonly #labels = new Map<SingleKeyAgent, string>();
  readonly #tried: string[] = [];
  /** What could not be tried, each with its reason. */
  readonly #missing: string[];
  /** Methods that a person has answered since the server last wanted more. */
  #answered = new Set<SshMethod>();
  #key: SingleKeyAgent | null = null;
  #offered: readonly string[] = [];

  constructor(options: CredentialsOptions) {
    this.#options = options;
    this.#account = `${options.settings.user}@${options.settings.name}`;
    this.#missing = [...options.identities.unusable];
    this.#keys = options.identities.usable.map((identity) => {
      const agent = new SingleKeyAgent(identity);
      this.#labels.set(agent, identity.label);
      return agent;
    });
  }

  /** Answers ssh2, which asks for the next thing to try. */
  readonly handler: AuthHandlerMiddleware = (offered, partialSuccess, next) => {
    this.#options.onStep();
    this.#choose({ offered, partialSuccess }).then(
      (method) => {
        if (method !== null) next(method);
      },
      (error: unknown) => {
        this.#options.onRefused(
          error instanceof Failure ? error : authenticationFailure(String(error), "report this"),
        );
      },
    );
  };

  async #choose(said: {
    offered: AuthenticationType[] | null;
    partialSuccess: boolean | null;
  }): Promise<AnyAuthMethod | null> {
    const username = this.#options.settings.user;
    const key = this.#key;
    this.#key = null;
    if (key?.problem instanceof Failure) this.#missing.push(key.problem.message);
    // `none` asks the server what it offers: at first, and where ssh2 does not pass on what the
    // server answered to a key that it had accepted.
    if (said.offered === null || key?.signed) return { type: "none", username };
    this.#offered = said.offered;
    if (said.partialSuccess === true) this.#answered = new Set();
    const refused = [...this.#answered].at(-1);
    if (refused !== undefined) throw this.#answerRefused(refused);
    for (const method of this.#options.settings.methods) {
      if (!this.#offered.includes(method)) continue;
      if (method === "publickey") {
        const agent = this.#keys.shift();
        if (agent === undefined) continue;
        this.#key = agent;
        this.#tried.push(this.#labels.get(agent) ?? "a key");
        return { type: "agent", username, agent };
      }
      if (this.#options.prompter.isTerminal) return this.#byPerson(method, username);
    }
    throw this.#nothingLeft();
  }

  async #byPerson(method: "password" | "keyboard-interactive", username: string) {
    this.#answered.add(method);
    this.#tried.push(method);
    if (method === "keyboard-interactive") return this.#keyboardInteractive(username);
    const password = await this.#ask({ prompt: `${this.#account}'s password: `, hidden: true });
    return { type: "password" as const, username, password };
  }

  #keyboardInteractive(username: string): KeyboardInteractiveAuthMethod {
    return {
      type: "keyboard-interactive",
      username,
      prompt: (name, instructions, _language, prompts, finish) => {
        this.#answers([name, instructions], prompts).then(finish, (error: unknown) => {
          if (error instanceof Failure) this.#options.onRefused(error);
        });
      },
    };
  }

  /** One round of questions: as many as the server has, each by its own text. */
  async #answers(headings: string[], prompts: Prompt[]): Promise<string[]> {
    const answers: string[] = [];
    let heading = headings.filter((line) => line.trim() !== "").join("\n");
    for (const { prompt, echo } of prompts) {
      this.#options.onStep();
      const text = [heading, `(${this.#account}) ${prompt}`].filter((line) => line !== "");
      answers.push(await this.#ask({ prompt: text.join("\n"), hidden: echo !== true }));
      heading = "";
    }
    this.#options.onStep();
    return answers;
  }

  async #ask({ prompt, hidden }: { prompt: string; hidden: boolean }): Promise<string> {
    const { prompter, signal } = this.#options;
    const answer = await prompter.ask({ prompt: printable(prompt), hidden, signal });
    if (answer !== null) return answer;
    throw authenticationFailure(`${this.#account}: logging in was cancelled`, "run it again");
  }

  #answerRefused(method: SshMethod): Failure {
    const what = method === "password" ? "the password was" : "the answers were";
    return authenticationFailure(
      `${this.#account}: ${what} refused${this.#missingText()}`,
      "run the command again; too many wrong answers may lock the account",
    );
  }

  #missingText(): string {
    return this.#missing.length === 0 ? "" : `; not usable: ${this.#missing.join(", ")}`;
  }

  #nothingLeft(): Failure {
    const { settings, prompter } = this.#options;
    const wanted = settings.methods.filter(
      (method) => method !== "publickey" && this.#offered.includes(method),
    );
    const tried = this.#tried.length === 0 ? "nothing" : this.#tried.join(", ");
    const details = `the server offers ${this.#offered.join(", ")}; tried ${tried}${this.#missingText()}`;
    if (wanted.length > 0 && !prompter.isTerminal) {
      return authenticationFailure(
        `${this.#account}: ${wanted.join(" or ")} is needed, and there is no terminal to ask on (${details})`,
        "run it in a terminal, or put a key that the server accepts into ssh-agent",
      );
    }
    return authenticationFailure(
      `${this.#account}: not logged in: ${details}`,
      `check user and IdentityFile in ~/.ssh/config, and ssh-add -l; ssh ${settings.name} must work`,
    );
  }
}

/** A server's text without what would move the cursor or change colours. */
function printable(text: string): string {
  return text.replaceAll(/[^\P{Cc}\n\t]/gu, "");
}
