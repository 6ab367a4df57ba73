import { fork } from "node:child_process";
import { once } from "node:events";
import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { type GpuMachine, takeGpus } from "../../../worker/pilot/take-gpus.ts";
import { temporaryFolder } from "../data/temporary-folder.ts";

/** A machine with GPUs that no other test knows. */
function machineWith(count: number): { machine: GpuMachine; uuids: string[]; waits: number[] } {
  const uuids = Array.from({ length: count }, () => `GPU-${randomUUID()}`);
  const waits: number[] = [];
  const machine: GpuMachine = {
    environment: {},
    nvidiaSmi: async ([query]) =>
      query?.startsWith("--query-gpu") ? uuids.map((uuid) => `${uuid}, 1\n`).join("") : "",
    wait: async (seconds) => {
      waits.push(seconds);
    },
  };
  return { machine, uuids, waits };
}

const REQUEST = { rule: "nvidia-smi", count: 1 } as const;

// Locks live in Linux's abstract socket space; clusters run nothing else.
describe.runIf(process.platform === "linux")("taking GPUs", () => {
  it("gives no two pilots of a machine the same one", async () => {
    const { machine, uuids } = machineWith(2);
    const first = await takeGpus(REQUEST, machine);
    const second = await takeGpus(REQUEST, machine);
    expect([first.devices, second.devices]).toEqual(uuids);
    first.release();
    second.release();
  });

  it("waits for one, and refuses when none gets idle", async () => {
    const { machine, waits } = machineWith(1);
    const first = await takeGpus(REQUEST, machine);
    await expect(takeGpus(REQUEST, machine)).rejects.toMatchObject({ reason: "gpu-unknown" });
    expect(waits.length).toBeGreaterThan(3);
    first.release();
    const second = await takeGpus(REQUEST, machine);
    expect(second.devices).toBe(first.devices);
    second.release();
  });

  it("takes all it asked for or none", async () => {
    const { machine, uuids } = machineWith(3);
    const two = { ...REQUEST, count: 2 };
    const first = await takeGpus(two, machine);
    await expect(takeGpus(two, machine)).rejects.toMatchObject({ reason: "gpu-unknown" });
    const last = await takeGpus(REQUEST, machine);
    expect([first.devices, last.devices]).toEqual([uuids.slice(0, 2).join(","), uuids[2]]);
    first.release();
    last.release();
  });

  it("has one back from a pilot that was killed", async () => {
    const { machine, uuids } = machineWith(1);
    const holder = path.join(await temporaryFolder(), "holder.mjs");
    const module = path.resolve("dist/worker/pilot/take-gpus.js");
    const answers = `{ environment: {}, wait: async () => {}, nvidiaSmi: async ([query]) =>
      query.startsWith("--query-gpu") ? "${uuids[0]}, 1" : "" }`;
    writeFileSync(
      holder,
      `import { takeGpus } from ${JSON.stringify(module)};
      const { devices } = await takeGpus({ rule: "nvidia-smi", count: 1 }, ${answers});
      process.on("message", () => {});
      process.send(devices);`,
    );
    const child = fork(holder, { execArgv: [] });
    onTestFinished(() => {
      child.kill("SIGKILL");
    });
    expect(await once(child, "message")).toEqual([uuids[0], undefined]);
    await expect(takeGpus(REQUEST, machine)).rejects.toMatchObject({ reason: "gpu-unknown" });
    child.kill("SIGKILL");
    await once(child, "exit");
    const second = await takeGpus(REQUEST, machine);
    expect(second.devices).toBe(uuids[0]);
    second.release();
  });

  it("says that there is no nvidia-smi", async () => {
    const nowhere = process.env["PATH"];
    process.env["PATH"] = await temporaryFolder();
    try {
      const failure = { reason: "gpu-unknown", message: expect.stringContaining("nvidia-smi") };
      await expect(takeGpus(REQUEST)).rejects.toMatchObject(failure);
    } finally {
      process.env["PATH"] = nowhere;
    }
  });
});
