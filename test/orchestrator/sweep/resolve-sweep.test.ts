import { cpSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { DiagnosedFailure } from "../../../orchestrator/sweep/diagnostic.ts";
import { localInputs } from "../../../orchestrator/sweep/find-inputs.ts";
import { type ResolvedSweep, resolveSweep } from "../../../orchestrator/sweep/resolve-sweep.ts";
import { Failure } from "../../../worker/contract/failure.ts";
import { SweepFolder } from "./sweep-folder.ts";

let folder: SweepFolder;
beforeEach(() => {
  folder = new SweepFolder();
});
afterEach(() => {
  folder[Symbol.dispose]();
});

/** On this machine. */
function resolve(file: string, sets: readonly string[]): Promise<ResolvedSweep> {
  return resolveSweep(file, sets, async (site) => localInputs(site.root));
}

async function failureOf(...sets: string[]): Promise<Failure> {
  const failure: unknown = await resolve(folder.sweep, sets).catch((error: unknown) => error);
  if (!(failure instanceof Failure)) throw new Error(`no failure but ${String(failure)}`);
  return failure;
}

test("a sweep is resolved to its site, its pools and its trials' absolute paths", async () => {
  const { specs, ...sweep } = await resolve(folder.sweep, []);
  expect(sweep).toEqual({
    name: "tiny",
    file: folder.sweep,
    text: readFileSync(folder.sweep, "utf8"),
    site: {
      scheduler: "local",
      name: "local",
      file: path.join(folder.root, "sites", "local.yaml"),
      root: path.join(folder.root, "state"),
      leaseSeconds: 3,
      maxPilots: 16,
      featuresLimitBytes: 50e9,
    },
    uploads: [],
    arms: ["full"],
    excluded: 0,
    pilots: 2,
    maxFailures: 3,
    pools: [
      {
        pool: "p1",
        request: { walltime: "12:00:00", gpus: 1, slots: 4 },
        pilots: 2,
        slices: 1,
        trials: specs.map(({ id }) => id),
      },
    ],
  });
  const paths = {
    model: path.join(folder.root, "models", "tiny"),
    dataset: path.join(folder.root, "data"),
  };
  expect(specs).toMatchObject([
    { params: { lr: 1e-5 }, paths },
    { params: { lr: 5e-5 }, paths },
  ]);
});

const CLUSTER = "scheduler: sge\nssh: {host: login}\nroot: /shared/{user}\npilots: {slices: 3}\n";

/** On a cluster, without one: everything there has the same digest. */
function resolveOnCluster(sets: readonly string[]): Promise<ResolvedSweep> {
  folder.write("sites/cluster.yaml", CLUSTER);
  return resolveSweep(folder.sweep, ["site=cluster", ...sets], async () => ({
    root: "/shared/ds",
    modelDigest: async () => "0".repeat(64),
    datasetDigest: async () => ({ train: "1", val: "2" }),
    encodedShape: async () => [1, 1],
    countImages: async () => 0,
  }));
}

describe("on a cluster", () => {
  test("arms that ask for the same share a pool, in the order of the arms", async () => {
    const arm = "{model: /shared/models/tiny, method: full, epochs";
    const { pools, specs } = await resolveOnCluster([
      `arms.a=${arm}: 1, resources: {gpus: 2}}`,
      `arms.b=${arm}: 2, resources: {gpus: 2}}`,
      "resources.gpus=0",
    ]);
    const ids = (...arms: string[]) =>
      specs.filter(({ arm: name }) => arms.includes(name)).map(({ id }) => id);
    expect(pools).toMatchObject([
      { pool: "p1", request: { gpus: 0 }, slices: 3, trials: ids("full") },
      { pool: "p2", request: { gpus: 2 }, slices: 3, trials: ids("a", "b") },
    ]);
  });

  test("a relative path is of this machine: it is sent under a name with its digest", async () => {
    const { uploads, specs } = await resolveOnCluster([]);
    const model = expect.stringMatching(/^\/shared\/ds\/models\/tiny@[0-9a-f]{12}$/) as unknown;
    const data = expect.stringMatching(/^\/shared\/ds\/datasets\/data@[0-9a-f]{12}$/) as unknown;
    expect(uploads).toEqual([
      { kind: "model", from: path.join(folder.root, "models", "tiny"), to: model },
      { kind: "dataset", from: path.join(folder.root, "data"), to: data },
    ]);
    expect(specs[0]?.paths).toEqual({ model, dataset: data });
  });

  test("an absolute path and a bare name are the site's own", async () => {
    const { uploads, specs } = await resolveOnCluster([
      "arms.full.model=Owner/tiny",
      "dataset.root=/projects/vizwiz",
    ]);
    expect(uploads).toEqual([]);
    const paths = { model: "/shared/ds/models/Owner/tiny", dataset: "/projects/vizwiz" };
    expect(specs[0]?.paths).toEqual(paths);
  });

  test("what is sent and what is there make the same trials", async () => {
    const [sent, local] = [await resolveOnCluster([]), await resolve(folder.sweep, [])];
    expect(sent.specs.map(({ id }) => id)).toEqual(local.specs.map(({ id }) => id));
  });
});

test("the same trials have the same ids in another folder", async () => {
  const other = mkdtempSync(path.join(folder.root, "copy-"));
  for (const name of ["sites", "models", "data", "sweeps"]) {
    cpSync(path.join(folder.root, name), path.join(other, name), { recursive: true });
  }
  const there = await resolve(path.join(other, "sweeps", "tiny.yaml"), []);
  const here = await resolve(folder.sweep, []);
  expect(there.specs.map(({ id }) => id)).toEqual(here.specs.map(({ id }) => id));
});

test("other annotations are other trials", async () => {
  const before = await resolve(folder.sweep, []);
  folder.write("data/annotations/val.json", '{"images": []}');
  const after = await resolve(folder.sweep, []);
  expect(after.specs[0]?.id).not.toBe(before.specs[0]?.id);
});

describe("paths", () => {
  test("in the file are relative to it, in an option to the shell", async () => {
    const data = path.relative(process.cwd(), path.join(folder.root, "data"));
    const { specs } = await resolve(folder.sweep, [`dataset.root=${data}`]);
    expect(specs[0]?.paths.dataset).toBe(path.join(folder.root, "data"));
    expect((await failureOf("dataset.root=../data")).reason).toBe("data-missing");
  });

  test("that are names are looked for in the site's models", async () => {
    const named = path.join(folder.root, "state/models/Owner/tiny");
    cpSync(path.join(folder.root, "models/tiny"), named, { recursive: true });
    const { specs } = await resolve(folder.sweep, ["arms.full.model=Owner/tiny"]);
    expect(specs[0]?.paths.model).toBe(named);
  });

  test("do not lead out of the site's models", async () => {
    const failure = await failureOf("arms.full.model=x/../../../models/tiny");
    expect(failure.reason).toBe("model-missing");
  });
});

describe("what is missing is named with its place and what to do", () => {
  test("model and data at once", async () => {
    renameSync(path.join(folder.root, "models"), path.join(folder.root, "gone"));
    rmSync(path.join(folder.root, "data"), { recursive: true });
    const failure = await failureOf();
    expect(failure).toMatchObject({
      reason: "model-missing",
      places: [
        { file: folder.sweep, line: 2, column: 17 },
        { file: folder.sweep, line: 4, column: 17 },
      ],
    });
    expect(failure.message).toContain(path.join(folder.root, "models", "tiny"));
    expect(failure.remedy).toContain("npm run demo");
  });

  test("weights, unless they are drawn at random", async () => {
    rmSync(path.join(folder.root, "models/tiny/model.safetensors"));
    expect((await failureOf()).message).toContain("model.safetensors");
    const { specs } = await resolve(folder.sweep, ["arms.full.init=random"]);
    expect(specs).toHaveLength(2);
  });

  test("the file itself", async () => {
    const failure = resolve("no/such.yaml", []);
    await expect(failure).rejects.toMatchObject({
      reason: "sweep-unknown",
      message: "cannot read the file no/such.yaml",
    });
    await expect(resolve(folder.root, [])).rejects.toMatchObject({ reason: "sweep-unknown" });
  });
});

describe("sites", () => {
  test("an unknown one is refused by naming the known", async () => {
    folder.write("sites/lab.yaml", "scheduler: local\nroot: .\n");
    const { reason, message } = await failureOf("site=labb");
    expect(reason).toBe("site-invalid");
    expect(message).toContain(
      'there is no site "labb"; did you mean "lab"? (known: lab, local, scc)',
    );
  });

  test("one that qsweep brings is found from anywhere", async () => {
    rmSync(path.join(folder.root, "sites"), { recursive: true });
    const { site } = await resolve(folder.sweep, []);
    expect(site).toMatchObject({ name: "local", leaseSeconds: 15 });
  });

  test("a name that leads elsewhere is no site", async () => {
    expect((await failureOf("site=../sweeps/tiny")).reason).toBe("sweep-invalid");
  });

  test("a wrong site file shows its own problems", async () => {
    folder.write("sites/local.yaml", "scheduler: local\nrot: x\n");
    const failure = await failureOf();
    expect(failure.reason).toBe("site-invalid");
    expect(failure.message).toContain('local.yaml:2:1: unknown key "rot"; did you mean "root"?');
  });

  test("more pilots than it allows are refused", async () => {
    const failure = await failureOf("pilots=17");
    expect(failure.message).toBe('--set pilots=17: the site "local" allows 16 pilots, got 17');
  });
});

describe("files that no person wrote", () => {
  test("more than a megabyte is refused with its first line, unread", async () => {
    folder.write("sweeps/tiny.yaml", `name: big\n${"# filler\n".repeat(1_200_000)}`);
    const failure = await failureOf();
    expect(failure).toBeInstanceOf(DiagnosedFailure);
    expect(failure).toMatchObject({
      reason: "sweep-invalid",
      diagnostics: [{ message: "the file is larger than 1 MB", spot: { line: "name: big" } }],
    });
  });

  test("bytes that are no text are refused", async () => {
    folder.write("sweeps/tiny.yaml", Uint8Array.of(0x61, 0xff, 0xfe));
    expect(await failureOf()).toMatchObject({
      reason: "sweep-invalid",
      diagnostics: [{ message: "the file is not UTF-8 text" }],
    });
  });
});
