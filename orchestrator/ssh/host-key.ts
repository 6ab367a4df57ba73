import { createHash } from "node:crypto";
import type { ServerHostKeyAlgorithm } from "ssh2";
import { Failure } from "../../worker/contract/failure.ts";
import type { HostSettings } from "./host-settings.ts";
import {
  acceptHostKey,
  hostKeyName,
  keyType,
  type KnownHostsVerdict,
  knownTypes,
  readKnownHosts,
  verdictOf,
} from "./known-hosts.ts";
import type { Prompter } from "./prompter.ts";

const ALGORITHMS: readonly ServerHostKeyAlgorithm[] = [
  "ssh-ed25519",
  "ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521",
  "rsa-sha2-512",
  "rsa-sha2-256",
  "ssh-rsa",
];

/** The types of key on file first: another type would look like a change. */
export function hostKeyAlgorithms(settings: HostSettings): ServerHostKeyAlgorithm[] {
  const known = knownTypes(readKnownHosts(settings), hostKeyName(settings));
  const isKnown = (algorithm: string) => known.has(algorithm.replace(/^rsa-sha2-.+/, "ssh-rsa"));
  return ALGORITHMS.toSorted((a, b) => Number(isKnown(b)) - Number(isKnown(a)));
}

/**
 * Passes when the key is on file, or a person says that it is right, and then puts it on file.
 * Throws Failure `ssh-host-key` otherwise.
 */
export async function checkHostKey(
  key: Buffer,
  {
    settings,
    prompter,
    signal,
  }: { settings: HostSettings; prompter: Prompter; signal: AbortSignal },
): Promise<void> {
  const name = hostKeyName(settings);
  const verdict = verdictOf(readKnownHosts(settings), { name, key });
  if (verdict.verdict === "known") return;
  const shown = `${keyType(key)} ${fingerprint(key)}`;
  const file = settings.userKnownHosts[0];
  if (verdict.verdict !== "unknown") throw refusal({ verdict, settings, shown });
  if (verdict.authority === null && prompter.isTerminal && !settings.strictHostKeys) {
    const prompt =
      `The host key of ${name} is not known: ${shown}.\n` +
      `Compare it with what the cluster's administrators publish. Trust it (yes/no)? `;
    const answer = await prompter.ask({ prompt, hidden: false, signal });
    if (answer?.trim() === "yes" || answer?.trim() === fingerprint(key)) {
      if (file !== undefined) acceptHostKey(file, { name, key });
      return;
    }
    throw hostKeyFailure(`${name}: its host key was not accepted (${shown})`, "compare it first");
  }
  throw refusal({ verdict, settings, shown });
}

function refusal(refused: {
  verdict: KnownHostsVerdict;
  settings: HostSettings;
  shown: string;
}): Failure {
  const { verdict, settings, shown } = refused;
  const name = hostKeyName(settings);
  switch (verdict.verdict) {
    case "revoked":
      return hostKeyFailure(
        `${name}: its host key (${shown}) is revoked, at ${verdict.place}`,
        "do not connect: ask the cluster's administrators",
      );
    case "changed":
      return hostKeyFailure(
        `${name}: its host key has CHANGED to ${shown}: another key is at ${verdict.place}`,
        `ask the administrators; if it was renewed: ssh-keygen -R '${name}', then ssh ${settings.name}`,
      );
    default: {
      const authority =
        verdict.authority === null
          ? ""
          : `; the certificate authority at ${verdict.authority} is not supported`;
      return hostKeyFailure(
        `${name}: its host key (${shown}) is not known${authority}`,
        `connect once by ssh ${settings.name} and compare the fingerprint`,
      );
    }
  }
}

function hostKeyFailure(message: string, remedy: string): Failure {
  return new Failure({ reason: "ssh-host-key", message, remedy });
}

/** `SHA256:` and the digest in base64, as OpenSSH shows keys. */
function fingerprint(key: Buffer): string {
  return `SHA256:${createHash("sha256").update(key).digest("base64").replace(/=+$/, "")}`;
}
