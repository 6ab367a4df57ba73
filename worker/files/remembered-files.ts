import { type BigIntStats, readFileSync, statSync } from "node:fs";

/**
 * Files of one kind that are replaced whole or not at all. Each is parsed once for as long as it is
 * the same: another one shows by its inode, its times or its size. Nobody may change what `read`
 * returns.
 */
export class RememberedFiles<T> {
  readonly #parse: (text: string) => T;
  readonly #known = new Map<string, { identity: string; value: T }>();

  constructor(parse: (text: string) => T) {
    this.#parse = parse;
  }

  /** Null where there is no such file. */
  read(file: string): T | null {
    const stats = statSync(file, { bigint: true, throwIfNoEntry: false });
    if (stats === undefined) return null;
    const identity = identityOf(stats);
    const known = this.#known.get(file);
    if (known?.identity === identity) return known.value;
    // Replaced between the look and this, it is read once more next time.
    const value = this.#parse(readFileSync(file, "utf8"));
    this.#known.set(file, { identity, value });
    return value;
  }
}

function identityOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join();
}
