import type { Stats } from "node:fs";
import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { Failure } from "../contract/failure.ts";

const PIECE_BYTES = 2 ** 30;

/** The Failure `file-invalid` of a file that cannot be used, in one line that begins with its path. */
export function invalidFile(path: string, problem: string): Failure {
  return new Failure({
    reason: "file-invalid",
    message: `${path} ${problem}`,
    remedy: "fetch or write this file again",
  });
}

/** A file opened for reading, with its size. Its reads never go past its end unnoticed. */
export class TensorFile {
  readonly path: string;
  readonly size: number;
  readonly #file: FileHandle;
  /** Differs between two files that had this path one after the other. */
  readonly #identity: string;

  private constructor(path: string, file: FileHandle, { size, ino, mtimeMs }: Stats) {
    this.path = path;
    this.size = size;
    this.#file = file;
    this.#identity = [ino, size, mtimeMs].join();
  }

  /** Opens a file for as long as `use` takes. Throws Failure `file-invalid` if that is impossible. */
  static async use<T>(path: string, use: (file: TensorFile) => Promise<T>): Promise<T> {
    const file = await open(path, "r").catch((error: NodeJS.ErrnoException) => {
      throw invalidFile(path, `cannot be opened (${error.code})`);
    });
    try {
      return await use(new TensorFile(path, file, await file.stat()));
    } finally {
      await file.close();
    }
  }

  /** `bytes`, also when this file has been closed. Throws likewise where another has its path now. */
  bytesLater(position: number, count: number): Promise<Uint8Array<ArrayBuffer>> {
    return TensorFile.use(this.path, (again) => {
      if (again.#identity === this.#identity) return again.bytes(position, count);
      throw invalidFile(this.path, "was replaced while it was read");
    });
  }

  /**
   * `count` bytes from `position`. The caller has compared them with `size`, so that memory is taken
   * only for what is there. Throws Failure `file-invalid` where the file became shorter meanwhile.
   */
  async bytes(position: number, count: number): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(count);
    let filled = 0;
    while (filled < count) {
      const length = Math.min(count - filled, PIECE_BYTES);
      const { bytesRead } = await this.#file.read(bytes, filled, length, position + filled);
      if (bytesRead === 0) throw invalidFile(this.path, "became shorter while it was read");
      filled += bytesRead;
    }
    return bytes;
  }
}
