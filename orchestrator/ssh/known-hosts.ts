import { createHmac } from "node:crypto";
import { appendFileSync, mkdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { glob } from "ssh-config";
import { errorCode } from "../../worker/files/error-code.ts";

/** An entry of a known-hosts file. */
interface KnownHost {
  marker: "" | "@revoked" | "@cert-authority";
  /** Patterns with commas between them, or one hash. */
  hosts: string;
  type: string;
  /** The key in base64. */
  key: string;
  /** `file:line`, for messages. */
  place: string;
}

export interface KnownHostsVerdict {
  /** `changed`: keys of this host are on file, and not this one. */
  verdict: "known" | "unknown" | "changed" | "revoked";
  /** Where the entry is that decided. */
  place: string | null;
  /** Where a certificate authority for this host is, in case that one was to decide. */
  authority: string | null;
}

export interface OfferedKey {
  /** As `hostKeyName` returns it. */
  name: string;
  /** The public key as SSH encodes it. */
  key: Buffer;
}

/** The name that known-hosts files have for a machine: its port is part of it, unless it is 22. */
export function hostKeyName(settings: {
  host: string;
  port: number;
  hostKeyAlias: string | null;
}): string {
  if (settings.hostKeyAlias !== null) return settings.hostKeyAlias.toLowerCase();
  const host = settings.host.toLowerCase();
  return settings.port === 22 ? host : `[${host}]:${settings.port}`;
}

/** Every entry of a machine's known-hosts files, in their order; a missing file has none. */
export function readKnownHosts(files: {
  userKnownHosts: readonly string[];
  globalKnownHosts: readonly string[];
}): KnownHost[] {
  return [...files.userKnownHosts, ...files.globalKnownHosts].flatMap((file) =>
    parseKnownHosts(readIfThere(file), file),
  );
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (errorCode(error) === "ENOENT" || errorCode(error) === "ENOTDIR") return "";
    throw error;
  }
}

function parseKnownHosts(text: string, file: string): KnownHost[] {
  return text.split("\n").flatMap((line, index): KnownHost[] => {
    const words = line.trim().split(/\s+/);
    const first = words[0] ?? "";
    if (first === "" || first.startsWith("#")) return [];
    const place = `${file}:${index + 1}`;
    const marked = first.startsWith("@");
    const marker = marked ? first.toLowerCase() : "";
    if (marker !== "" && marker !== "@revoked" && marker !== "@cert-authority") return [];
    const [hosts, type, key] = marked ? words.slice(1) : words;
    if (hosts === undefined || type === undefined || key === undefined) return [];
    return [{ marker, hosts, type, key, place }];
  });
}

/** What the entries say of a key that a machine offers. Being revoked goes before all else. */
export function verdictOf(
  entries: readonly KnownHost[],
  { name, key }: OfferedKey,
): KnownHostsVerdict {
  const offered = key.toString("base64");
  const matching = entries.filter((entry) => isFor(entry, name));
  const place = (entry: KnownHost | undefined) => entry?.place ?? null;
  const authority = place(matching.find((entry) => entry.marker === "@cert-authority"));
  const revoked = matching.find(
    (entry) => entry.marker === "@revoked" && sameKey(entry.key, offered),
  );
  if (revoked) return { verdict: "revoked", place: place(revoked), authority };
  const plain = matching.filter((entry) => entry.marker === "");
  const same = plain.find((entry) => sameKey(entry.key, offered));
  if (same) return { verdict: "known", place: place(same), authority };
  const other = plain.at(0);
  if (other) return { verdict: "changed", place: place(other), authority };
  return { verdict: "unknown", place: null, authority };
}

/** The types of key that are on file for a machine. */
export function knownTypes(entries: readonly KnownHost[], name: string): Set<string> {
  const plain = entries.filter((entry) => entry.marker === "" && isFor(entry, name));
  return new Set(plain.map((entry) => entry.type));
}

/** Puts a key on file, as one line at the end; other programs may write there too. */
export function acceptHostKey(file: string, { name, key }: OfferedKey): void {
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  const before = readIfThere(file);
  const separator = before === "" || before.endsWith("\n") ? "" : "\n";
  const line = `${name} ${keyType(key)} ${key.toString("base64")}\n`;
  appendFileSync(file, separator + line, { mode: 0o600 });
}

/** The type of a public key as SSH encodes it: the length of the type's name, then that name. */
export function keyType(key: Buffer): string {
  return key.toString("latin1", 4, 4 + Math.min(key.readUInt32BE(0), 64));
}

function sameKey(onFile: string, offered: string): boolean {
  return onFile.replace(/=+$/, "") === offered.replace(/=+$/, "");
}

function isFor({ hosts }: KnownHost, name: string): boolean {
  if (hosts.startsWith("|1|")) return isHashOf(hosts, name);
  return glob(hosts.toLowerCase().split(","), name);
}

/** `|1|salt|mac`: HMAC-SHA1 of the name, keyed with the salt, both in base64. */
function isHashOf(hashed: string, name: string): boolean {
  const [, , salt, mac] = hashed.split("|");
  if (salt === undefined || mac === undefined) return false;
  const key = Buffer.from(salt, "base64");
  return createHmac("sha1", key).update(name).digest("base64") === mac;
}
