import {
  BaseAgent,
  type IdentityCallback,
  type SignCallback,
  type SigningRequestOptions,
} from "ssh2";
import type { Identity } from "./key-ring.ts";

/**
 * One identity in the form of an agent. ssh2 asks the server about an agent's key before it has it
 * sign, so a passphrase is asked for only where its key is accepted; and one key a time, because it
 * would go on to an agent's next key when the server already wants another method.
 */
export class SingleKeyAgent extends BaseAgent<Buffer> {
  /** Whether the server accepted the key and it was asked to sign. */
  signed = false;
  /** Why it did not sign. */
  problem: unknown = null;
  readonly #identity: Identity;

  constructor(identity: Identity) {
    super();
    this.#identity = identity;
  }

  override getIdentities(answer: IdentityCallback<Buffer>): void {
    answer(null, [this.#identity.publicKey]);
  }

  override sign(
    _key: Buffer,
    data: Buffer,
    options: SigningRequestOptions | SignCallback,
    answer?: SignCallback,
  ): void {
    this.signed = true;
    const asked = typeof options === "function" ? {} : options;
    const reply = typeof options === "function" ? options : answer;
    this.#identity.sign(data, asked).then(
      (signature) => reply?.(null, signature),
      (error: unknown) => {
        this.problem = error;
        reply?.(error instanceof Error ? error : new Error(String(error)));
      },
    );
  }
}
