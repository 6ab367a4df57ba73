import { describe, expect, it } from "vitest";
import { gpuSource, idleGpus } from "../../../worker/pilot/gpu-rule.ts";

describe("the source of a pilot's GPUs", () => {
  it.each([
    ["one of a resource map", { SGE_HGR_gpu: "2" }, "2"],
    ["several, as blanks part them", { SGE_HGR_gpus: "0 3" }, "0,3"],
    ["names with a prefix", { SGE_HGR_gpu_card: "cuda0 GPU1" }, "0,1"],
    ["a fourth spelling", { SGE_HGR_gpu_dev: "gpu5" }, "5"],
    ["the site's variable", { CUDA_VISIBLE_DEVICES: "1" }, "1"],
    ["names of the driver's", { CUDA_VISIBLE_DEVICES: "GPU-5ee3-11,MIG-a" }, "GPU-5ee3-11,MIG-a"],
    ["the scheduler before the site", { SGE_HGR_gpu: "1", CUDA_VISIBLE_DEVICES: "0" }, "1"],
    [
      "the site where the scheduler grants none",
      { SGE_HGR_gpu: "NONE", CUDA_VISIBLE_DEVICES: "0" },
      "0",
    ],
  ])("is the environment: %s", (_, environment, devices) => {
    const given = { kind: "given", devices };
    expect(gpuSource({ rule: "auto", count: 1 }, environment)).toEqual(given);
    expect(gpuSource({ rule: "environment", count: 1 }, environment)).toEqual(given);
    expect(gpuSource({ rule: "nvidia-smi", count: 1 }, environment)).toEqual({ kind: "idle" });
    expect(gpuSource({ rule: "none", count: 1 }, environment)).toEqual({ kind: "none" });
    expect(gpuSource({ rule: "auto", count: 0 }, environment)).toEqual({ kind: "none" });
  });

  it("is a look for idle ones where nobody says anything", () => {
    expect(gpuSource({ rule: "auto", count: 1 }, {})).toEqual({ kind: "idle" });
  });

  it("is not guessed where the environment is to say", () => {
    const request = { rule: "environment", count: 1 } as const;
    expect(() => gpuSource(request, {})).toThrow(/1 GPU asked for, and neither SGE_HGR_/);
  });

  it.each(["", "-1", "NoDevFiles"])("is not one that the site hides with %j", (devices) => {
    const environment = { CUDA_VISIBLE_DEVICES: devices };
    expect(() => gpuSource({ rule: "auto", count: 1 }, environment)).toThrow(/gives none/);
  });
});

describe("idle GPUs", () => {
  const A = "GPU-11111111-2222-3333-4444-555555555555";
  const B = "GPU-66666666-7777-8888-9999-aaaaaaaaaaaa";

  it.each([
    ["all, with the driver's own memory", `${A}, 0\n${B}, 623\n`, "", [A, B]],
    ["none with a process", `${A}, 4\n${B}, 4\n`, `${A}\n${A}\n`, [B]],
    ["none whose memory a process unseen from here holds", `${A}, 15230\n${B}, 4\n`, "", [B]],
    ["none of none", "", "", []],
  ])("are %s", (_, gpus, computing, idle) => {
    expect(idleGpus(gpus, computing)).toEqual(idle);
  });

  it.each(["No devices were found", `${A}, [N/A]`, "0, 4"])("are not read from %j", (line) => {
    expect(() => idleGpus(`${line}\n`, "")).toThrow(`nvidia-smi said of a GPU: ${line}`);
  });
});
