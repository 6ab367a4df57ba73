import path from "node:path";
import { packageRoot } from "../../worker/files/package-root.ts";
import { gridScript } from "../sge/grid-script.ts";
import { workerHash } from "../site/worker-files.ts";
import type { Pool, ResolvedSweep } from "../sweep/resolve-sweep.ts";
import { pilotArray } from "./grid-arrays.ts";
import { taskBody } from "./task-body.ts";

/** Stands where a submission will have its own. */
const ANY_TOKEN = "00000000";

/** The script that a launch would submit for a pool; null for a site without a scheduler. */
export function jobScript(sweep: ResolvedSweep, pool: Pool): string | null {
  const { site } = sweep;
  if (site.scheduler === "local") return null;
  const worker = path.posix.join(site.root, "workers", workerHash(packageRoot()));
  const program = path.posix.join(worker, "dist", "worker", "main.js");
  const array = pilotArray({ sweep, pool, pilots: pool.pilots, token: ANY_TOKEN, program });
  return gridScript({ array, site, body: taskBody(array.program) });
}
