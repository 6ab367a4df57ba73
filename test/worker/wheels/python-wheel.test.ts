import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { fetchWheel } from "../../../worker/wheels/python-wheel.ts";
import { commandFolder } from "../../rig/command-folder.ts";

const python = execFileSync("python3", ["-c", "import sys; print(sys.executable)"], {
  encoding: "utf8",
}).trim();

/** A wheel as pip accepts it: an executable, a data file, and the metadata. */
const MAKE_WHEEL = `
import sys, zipfile
with zipfile.ZipFile(sys.argv[1] + "/sample-1.0-py3-none-any.whl", "w") as wheel:
    tool = zipfile.ZipInfo("sample/bin/tool")
    tool.external_attr = 0o100755 << 16
    wheel.writestr(tool, "#!/bin/sh\\necho it runs\\n")
    wheel.writestr("sample/data.txt", "data")
    wheel.writestr("sample-1.0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: sample\\nVersion: 1.0\\n")
    wheel.writestr("sample-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\\nTag: py3-none-any\\n")
    wheel.writestr("sample-1.0.dist-info/RECORD", "")
`;

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "python-wheel-"));
  const index = path.join(folder, "index");
  mkdirSync(index);
  execFileSync(python, ["-c", MAKE_WHEEL, index]);
  vi.stubEnv("QSWEEP_CACHE", path.join(folder, "cache"));
  vi.stubEnv("PIP_NO_INDEX", "1");
  vi.stubEnv("PIP_FIND_LINKS", index);
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

function cachedWheels(): string[] {
  return readdirSync(path.join(folder, "cache", "wheels"));
}

test("a wheel is unpacked with its executables, and taken from the cache afterwards", async () => {
  const wheel = await fetchWheel({ project: "sample", version: "1.0" });
  expect(execFileSync(path.join(wheel, "sample", "bin", "tool"), { encoding: "utf8" })).toBe(
    "it runs\n",
  );
  rmSync(path.join(folder, "index"), { recursive: true });
  expect(await fetchWheel({ project: "sample", version: "1.0" })).toBe(wheel);
  expect(cachedWheels()).toEqual([path.basename(wheel)]);
});

test("only the members asked for are unpacked", async () => {
  const wheel = await fetchWheel({ project: "sample", members: ["sample/data"] });
  expect(readdirSync(wheel, { recursive: true })).toEqual(["sample", "sample/data.txt"]);
});

test("fetching one wheel several times at once gives one folder", async () => {
  const folders = await Promise.all([1, 2, 3].map(() => fetchWheel({ project: "sample" })));
  expect(new Set(folders).size).toBe(1);
  expect(cachedWheels()).toHaveLength(1);
});

test("a fetch killed while it unpacks leaves no wheel, and the next one clears up", async () => {
  const fifo = path.join(folder, "unpacking");
  execFileSync(python, ["-c", "import os, sys; os.mkfifo(sys.argv[1])", fifo]);
  const hanging = commandFolder(folder, {
    python3: `case "$*" in *zipfile*) echo > ${fifo}; sleep 600;; *) exec ${python} "$@";; esac`,
  });
  const module = path.resolve("dist/worker/wheels/python-wheel.js");
  const script = `import { fetchWheel } from ${JSON.stringify(module)};
    await fetchWheel({ project: "sample" });`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    env: { ...process.env, PATH: `${hanging}:${process.env["PATH"]}` },
    detached: true,
  });
  const exit = once(child, "exit");
  await once(spawn("cat", [fifo]), "exit"); // Ends when the unpacking has begun.
  if (child.pid === undefined) throw new Error("the fetch did not start");
  process.kill(-child.pid, "SIGKILL");
  await exit;
  expect(cachedWheels()).toEqual([expect.stringMatching(/^\.partial/)]);

  const wheel = await fetchWheel({ project: "sample" });
  expect(readFileSync(path.join(wheel, "sample", "data.txt"), "utf8")).toBe("data");
  expect(cachedWheels()).toEqual([path.basename(wheel)]);
});

test("a wheel the index lacks is a failure naming Python version and platform", async () => {
  const target = { python: "3.11", platform: "manylinux2014_x86_64" };
  await expect(fetchWheel({ project: "sample", version: "2.0", target })).rejects.toMatchObject({
    reason: "tool-missing",
    message: expect.stringMatching(/sample==2\.0 for Python 3\.11 on manylinux2014_x86_64: .+/),
  });
  expect(cachedWheels()).toEqual([]);
});

test("a PATH without Python is a failure that says so", async () => {
  vi.stubEnv("PATH", commandFolder(folder, {}));
  await expect(fetchWheel({ project: "sample" })).rejects.toMatchObject({
    reason: "tool-missing",
    message: "no Python 3 found on PATH",
  });
});

test("a Python without pip is a failure that says so", async () => {
  const noPip = `case "$*" in *"-m pip"*) echo "No module named pip" >&2; exit 1;; esac`;
  vi.stubEnv("PATH", commandFolder(folder, { python3: `${noPip}; exec ${python} "$@"` }));
  await expect(fetchWheel({ project: "sample" })).rejects.toMatchObject({
    reason: "tool-missing",
    message: expect.stringContaining("has no pip"),
  });
});

test("a full disk while unpacking is named, and leaves nothing", async () => {
  const full = `case "$*" in *zipfile*) echo "OSError: [Errno 28] No space left on device" >&2; exit 1;; esac`;
  vi.stubEnv("PATH", commandFolder(folder, { python3: `${full}; exec ${python} "$@"` }));
  await expect(fetchWheel({ project: "sample" })).rejects.toMatchObject({ reason: "disk-full" });
  expect(cachedWheels()).toEqual([]);
});

test("unpacked files are readable and only executables can be executed", async () => {
  const wheel = await fetchWheel({ project: "sample" });
  const mode = (name: string) => statSync(path.join(wheel, "sample", name)).mode & 0o777;
  expect(mode("bin/tool") & 0o111).not.toBe(0);
  expect(mode("data.txt") & 0o111).toBe(0);
  expect(existsSync(path.join(wheel, ".download"))).toBe(false);
});
