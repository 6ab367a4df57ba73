import { readFileSync } from "node:fs";
import ssh2, { createAgent, type ParsedKey, type SigningRequestOptions } from "ssh2";
import { errorCode } from "../../worker/files/error-code.ts";
import type { HostSettings } from "./host-settings.ts";
import type { Prompter } from "./prompter.ts";
import { authenticationFailure, errorText } from "./ssh-failures.ts";

const PASSPHRASE_TRIES = 3;

/** A key pair that can sign for us. */
export interface Identity {
  /** Where the private key is, for messages. */
  label: string;
  /** As SSH encodes public keys. */
  publicKey: Buffer;
  /** Signs, with the digest asked for where it is an RSA key. May ask for a passphrase. */
  sign(data: Buffer, options: SigningRequestOptions): Promise<Buffer>;
}

export interface Identities {
  /** In the order to be tried. */
  usable: Identity[];
  /** Keys that cannot be used, each with its reason. */
  unusable: string[];
}

/** What a key file tells without its passphrase. */
interface KeyFile {
  file: string;
  text: string;
  publicKey: Buffer | null;
  problem: string | null;
}

/** A person's keys. Each passphrase is asked for when a server accepts its key, and once. */
export class KeyRing {
  readonly #prompter: Prompter;
  readonly #unlocked = new Map<string, ParsedKey>();

  constructor(prompter: Prompter) {
    this.#prompter = prompter;
  }

  /**
   * Keys to be tried at a machine: those of the agent that are configured, the agent's others, then
   * those in files.
   */
  async identities(settings: HostSettings): Promise<Identities> {
    const files = settings.identityFiles.flatMap(readKeyFile);
    const held = settings.agentSocket === null ? [] : await agentIdentities(settings.agentSocket);
    const configured = held.filter((identity) => isIn(identity.publicKey, files));
    const others = settings.identitiesOnly
      ? []
      : held.filter((identity) => !isIn(identity.publicKey, files));
    const own = files.flatMap((file) => this.#fileIdentity(file) ?? []);
    return {
      usable: [
        ...configured,
        ...others,
        ...own.filter((identity) => !isIn(identity.publicKey, held)),
      ],
      unusable: files.flatMap(({ file, problem }) =>
        problem === null ? [] : `${file}: ${problem}`,
      ),
    };
  }

  #fileIdentity({ file, text, publicKey, problem }: KeyFile): Identity | null {
    if (publicKey === null || problem !== null) return null;
    return {
      label: file,
      publicKey,
      sign: async (data, { hash }) => {
        const key = this.#unlocked.get(file) ?? (await this.#unlock(file, text));
        this.#unlocked.set(file, key);
        return key.sign(data, hash);
      },
    };
  }

  async #unlock(file: string, text: string): Promise<ParsedKey> {
    const open = parsePrivateKey(text);
    if (!(open instanceof Error)) return open;
    if (!this.#prompter.isTerminal) {
      throw authenticationFailure(
        `${file}: the key's passphrase is needed, and there is no terminal to ask on`,
        `put the key into ssh-agent: ssh-add ${file}`,
      );
    }
    for (let tries = 0; tries < PASSPHRASE_TRIES; tries += 1) {
      const prompt = `Passphrase of ${file}: `;
      const passphrase = await this.#prompter.ask({ prompt, hidden: true });
      if (passphrase === null) {
        throw authenticationFailure(`${file}: no passphrase was given`, "run the command again");
      }
      const key = parsePrivateKey(text, passphrase);
      if (!(key instanceof Error)) return key;
    }
    throw authenticationFailure(`${file}: wrong passphrase`, `try it by ssh-keygen -y -f ${file}`);
  }
}

/** Whether the key is one of these. */
function isIn(key: Buffer, keys: readonly { publicKey: Buffer | null }[]): boolean {
  return keys.some((other) => other.publicKey?.equals(key));
}

/** A key file, or none where there is no such file. */
function readKeyFile(file: string): KeyFile[] {
  const text = readOptional(file);
  if (text === null) return [];
  const key = parseKey(text);
  if (!(key instanceof Error)) {
    const problem = key.isPrivateKey()
      ? null
      : "holds a public key, and the agent has no other half";
    return [{ file, text, publicKey: key.getPublicSSH(), problem }];
  }
  if (!/passphrase|encrypted/i.test(key.message)) {
    return [{ file, text, publicKey: null, problem: errorText(key) }];
  }
  const publicKey = publicPart(text) ?? publicPartBeside(file);
  const problem = publicKey === null ? `is encrypted, and ${file}.pub is missing` : null;
  return [{ file, text, publicKey, problem }];
}

/**
 * The public key that OpenSSH's own format of private keys holds in clear: a magic word, then
 * cipher, key derivation and its options, the number of keys, the public key.
 */
function publicPart(text: string): Buffer | null {
  const body = /-----BEGIN OPENSSH PRIVATE KEY-----([\s\S]+?)-----END/.exec(text)?.[1];
  const bytes = Buffer.from(body ?? "", "base64");
  let at = "openssh-key-v1\0".length;
  const next = (): Buffer | null => {
    if (at + 4 > bytes.length) return null;
    const end = at + 4 + bytes.readUInt32BE(at);
    if (end > bytes.length) return null;
    const field = bytes.subarray(at + 4, end);
    at = end;
    return field;
  };
  if (next() === null || next() === null || next() === null) return null;
  at += 4;
  return next();
}

function publicPartBeside(file: string): Buffer | null {
  const text = readOptional(`${file}.pub`);
  const key = text === null ? null : parseKey(text);
  return key === null || key instanceof Error ? null : key.getPublicSSH();
}

function parsePrivateKey(text: string, passphrase?: string): ParsedKey | Error {
  const key = parseKey(text, passphrase);
  return key instanceof Error || key.isPrivateKey() ? key : new Error("not a private key");
}

function parseKey(text: string, passphrase?: string): ParsedKey | Error {
  const key: ParsedKey | ParsedKey[] | Error = ssh2.utils.parseKey(text, passphrase);
  return key;
}

function readOptional(file: string): string | null {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (["ENOENT", "ENOTDIR", "EACCES", "EISDIR"].includes(String(errorCode(error)))) return null;
    throw error;
  }
}

/** What an ssh-agent holds; nothing where none answers. */
function agentIdentities(socket: string): Promise<Identity[]> {
  const agent = createAgent(socket);
  return new Promise((resolve) => {
    agent.getIdentities((error, keys) => {
      if (error || keys === undefined) return resolve([]);
      resolve(
        keys.flatMap((held): Identity[] => {
          if (typeof held === "string" || !("getPublicSSH" in held)) return [];
          const label = `${held.comment || held.type} (agent)`;
          const sign: Identity["sign"] = (data, options) =>
            new Promise((signed, failed) => {
              agent.sign(held, data, options, (fault, signature) => {
                if (signature === undefined) failed(fault ?? new Error("the agent did not sign"));
                else signed(signature);
              });
            });
          return [{ label, publicKey: held.getPublicSSH(), sign }];
        }),
      );
    });
  });
}
