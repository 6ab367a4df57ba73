import { defineConfig } from "vitest/config";
import { LabSequencer } from "./test/lab-sequencer.ts";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: "test/global-setup.ts",
    pool: "forks",
    // Those on the cluster mostly wait: the others run beside them, also on two cores.
    maxWorkers: 2,
    sequence: { sequencer: LabSequencer },
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
