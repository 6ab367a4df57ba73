import { spawnSync } from "node:child_process";
import path from "node:path";
import { readEngineState, trainerEnvironment } from "../worker/engine/engine-state.ts";

/**
 * Builds what the tests start as processes, and starts the tests as trainers are started.
 * Afterwards a cluster that tests have brought up goes down.
 */
export default function setUp(): () => void {
  const root = path.dirname(import.meta.dirname);
  const { status } = spawnSync(path.join(root, "node_modules", ".bin", "tsc"), { cwd: root });
  // The build is written all the same; types are the business of `npm run check`.
  if (status !== 0) process.stderr.write("the sources have type errors: see `npx tsc`\n");
  if (readEngineState() === null) {
    throw new Error("no engine is installed: run `npm test` once, or `npx qsweep engine install`");
  }
  Object.assign(process.env, trainerEnvironment());
  return () => void spawnSync("bash", [path.join(root, "test", "lab", "lab.sh"), "release"]);
}
