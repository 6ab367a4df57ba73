import { Failure } from "../../worker/contract/failure.ts";
import type { OpenSweep, SweepAccess } from "../ports/sweep-access.ts";

/** Opens a launched sweep for one use and closes it, whatever comes of that. */
export async function usingSweep<T>(
  openSweep: OpenSweep,
  nameOrFile: string,
  use: (access: SweepAccess) => Promise<T>,
): Promise<T> {
  const access = await openSweep(nameOrFile);
  try {
    return await use(access);
  } finally {
    await access.close();
  }
}

/**
 * The one of these that has the given id or, alone, begins with it. Throws Failure `trial-unknown`
 * if there is none or more than one.
 */
export function findTrial<Trial extends { id: string }>(
  trials: readonly Trial[],
  beginning: string,
): Trial {
  const found = trials.filter(({ id }) => id.startsWith(beginning));
  const [trial, another] = found;
  if (trial && !another) return trial;
  throw new Failure({
    reason: "trial-unknown",
    message: trial
      ? `${found.length} trials of the sweep begin with "${beginning}"`
      : `the sweep has no trial "${beginning}"`,
    remedy: trial
      ? `Give more of the id: ${found
          .slice(0, MAX_NAMED)
          .map(({ id }) => id)
          .join(", ")}.`
      : "See `qsweep status` for the ids; a unique beginning is enough.",
  });
}

const MAX_NAMED = 5;
