import { errorCode } from "../files/error-code.ts";

/** Features could not be written, for a reason outside: a full disk, say. Work goes on without. */
export class CannotStore extends Error {}

/** Runs what writes features; an error of the operating system becomes `CannotStore`. */
export async function storing<T>(write: () => Promise<T> | T): Promise<T> {
  try {
    return await write();
  } catch (error) {
    if (!(error instanceof Error) || errorCode(error) === undefined) throw error;
    throw new CannotStore(error.message, { cause: error });
  }
}
