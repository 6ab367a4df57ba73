import { mkdirSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll } from "vitest";
import { describeOnLab } from "../../rig/cluster-lab.ts";
import { type GridUnderTest, schedulerSuite } from "./sge-scheduler-suite.ts";

describeOnLab("on a real Grid Engine", (lab) => {
  let grid: GridUnderTest;
  let umask: number;
  beforeAll(() => {
    // Made here by root, written to there by the tasks of ds.
    umask = process.umask(0);
    const root = path.join(lab.home("ds"), "scheduler suite");
    mkdirSync(root, { recursive: true });
    grid = {
      root,
      user: "ds",
      setup: ["module load nodejs"],
      node: "node",
      run: async (argv) => {
        const { status, ...printed } = await lab.on("login", argv, { user: "ds" });
        return { status: status ?? 137, ...printed };
      },
      takeAway: () => lab.daemons("qmaster", "stop"),
      bringBack: () => lab.daemons("qmaster", "start"),
    };
  });
  afterAll(() => {
    process.umask(umask);
  });
  schedulerSuite(() => grid);
});
