import { spawn } from "node:child_process";
import { once } from "node:events";
import { lstatSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { registerModelCommand } from "../../../worker/commands/model.ts";
import { fetchedModel } from "../../../worker/files/hub-models.ts";
import { modelDigest } from "../../../worker/files/model-digest.ts";
import { fetchModel, type FetchedModel } from "../../../worker/hub/fetch-model.ts";
import { hubSettings } from "../../../worker/hub/hub-settings.ts";
import { fixturePath } from "../../reference/fixtures.ts";
import { waitFor } from "../../rig/wait-for.ts";
import { temporaryFolder } from "../data/temporary-folder.ts";
import { runCommand } from "../commands/run-command.ts";
import { COMMIT, LocalHub, send, type Trouble } from "./local-hub.ts";

const NAME = "someone/blip-small";
const WEIGHTS = "model.safetensors";
const TOKEN = "hf_secret";

let hub: LocalHub;
let cache: string;
let pauses: number[];

beforeEach(async () => {
  hub = await LocalHub.start(NAME);
  hub.files.set("config.json", Buffer.from('{"model_type": "blip"}'));
  hub.files.set("preprocessor_config.json", Buffer.from("{}"));
  hub.files.set("vocab.txt", Buffer.from("[PAD]\n"));
  hub.files.set("README.md", Buffer.from("not needed"));
  hub.files.set("tf_model.h5", Buffer.alloc(10));
  hub.files.set(WEIGHTS, Buffer.from(Array.from({ length: 300_000 }, (_, i) => i % 251)));
  hub.large.add(WEIGHTS);
  cache = await temporaryFolder();
  pauses = [];
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await hub.stop();
});

function fetched(
  revision = "main",
  environment: Record<string, string> = { HF_ENDPOINT: hub.endpoint },
) {
  return fetchModel({
    name: NAME,
    revision,
    settings: hubSettings({ HF_HOME: cache, HF_TOKEN: TOKEN, ...environment }),
    pause: (milliseconds) => {
      pauses.push(milliseconds);
      return Promise.resolve();
    },
    progress: () => undefined,
  });
}

const failureOf = (fetching: Promise<FetchedModel>): Promise<Error> =>
  fetching.then(
    () => new Error("it was fetched"),
    (error: Error) => error,
  );

const folder = (...names: string[]) =>
  path.join(cache, "hub", "models--someone--blip-small", ...names);
const blobs = () => readdirSync(folder("blobs"));
const gets = () => hub.storeSeen.filter(({ method }) => method === "GET");

describe("a fetched model", () => {
  it("lies in the layout of Hugging Face's cache, without files that are not needed", async () => {
    const { directory, commit } = await fetched();
    expect(directory).toBe(folder("snapshots", COMMIT));
    expect(commit).toBe(COMMIT);
    const names = ["config.json", WEIGHTS, "preprocessor_config.json", "vocab.txt"];
    expect(readdirSync(directory).toSorted()).toEqual(names.toSorted());
    for (const name of names) {
      expect(readFileSync(path.join(directory, name))).toEqual(hub.files.get(name));
      expect(lstatSync(path.join(directory, name)).isSymbolicLink()).toBe(true);
    }
    expect(blobs().toSorted()).toEqual(names.map((name) => hub.etagOf(name)).toSorted());
    expect(readFileSync(folder("refs", "main"), "utf8")).toBe(COMMIT);
  });

  it("is found by its name", async () => {
    const environment = { HF_HOME: cache };
    expect(fetchedModel(NAME, environment)).toBeNull();
    const { directory } = await fetched();
    expect(fetchedModel(NAME, environment)).toBe(directory);
    expect(fetchedModel(`../hub/${NAME}`, environment)).toBeNull();
  });

  it("is a model to a sweep", async () => {
    const { directory } = await fetched();
    expect(await modelDigest({ directory, init: "pretrained" })).toMatch(/^[0-9a-f]{64}$/);
  });

  it("has all shards of its index", async () => {
    const weights = hub.files.get(WEIGHTS)!;
    hub.files.delete(WEIGHTS);
    const weight_map = { a: "model-1.safetensors", b: "model-2.safetensors" };
    hub.files.set(`${WEIGHTS}.index.json`, Buffer.from(JSON.stringify({ weight_map })));
    for (const shard of Object.values(weight_map)) hub.files.set(shard, weights);
    const { directory } = await fetched();
    expect(readdirSync(directory)).toEqual(
      expect.arrayContaining([`${WEIGHTS}.index.json`, ...Object.values(weight_map)]),
    );
  });

  it("has a pickled state dict only where there is nothing else", async () => {
    hub.files.set("pytorch_model.bin", Buffer.from("x"));
    expect((await fetched()).files.map(({ name }) => name)).not.toContain("pytorch_model.bin");
    hub.files.delete(WEIGHTS);
    expect((await fetched()).files.map(({ name }) => name)).toContain("pytorch_model.bin");
  });

  it("is asked for by revision and found under it", async () => {
    await fetched("refs/pr/1");
    expect(hub.seen[0]!.url).toBe(`/api/models/${NAME}/revision/refs%2Fpr%2F1`);
    expect(readFileSync(folder("refs", "refs", "pr", "1"), "utf8")).toBe(COMMIT);
  });
});

it("the token goes to the hub, and not along with a redirect to another origin", async () => {
  await fetched();
  expect(new Set(hub.seen.map(({ authorization }) => authorization))).toEqual(
    new Set([`Bearer ${TOKEN}`]),
  );
  expect(hub.storeSeen).not.toEqual([]);
  expect(hub.storeSeen.map(({ authorization }) => authorization)).toEqual(
    hub.storeSeen.map(() => undefined),
  );
});

it("the command fetches what `model info` then counts by its name", async () => {
  const tiny = fixturePath("tiny-blip");
  for (const name of ["config.json", "preprocessor_config.json", "vocab.txt", WEIGHTS]) {
    hub.files.set(name, readFileSync(path.join(tiny, name)));
  }
  vi.stubEnv("HF_ENDPOINT", hub.endpoint);
  vi.stubEnv("HF_HOME", cache);
  const { value, lines } = await runCommand(registerModelCommand, ["model", "fetch", NAME]);
  expect(value).toMatchObject({ name: NAME, revision: "main", commit: COMMIT });
  expect(lines).toEqual([expect.stringContaining("4 files"), folder("snapshots", COMMIT)]);
  const counted = await runCommand(registerModelCommand, ["model", "info", NAME]);
  expect(counted.value).toEqual(
    (await runCommand(registerModelCommand, ["model", "info", tiny])).value,
  );
});

it("what is in the cache is not downloaded again", async () => {
  await fetched();
  await fetched();
  expect(gets()).toHaveLength(1);
});

it("two at the same time end with one whole model", async () => {
  const [first, second] = await Promise.all([fetched(), fetched()]);
  expect(first).toEqual(second);
  expect(readFileSync(path.join(first.directory, WEIGHTS))).toEqual(hub.files.get(WEIGHTS));
  expect(blobs().filter((name) => name.endsWith(".incomplete"))).toEqual([]);
});

function incompleteBytes(): number {
  const parts = blobs().filter((name) => name.endsWith(".incomplete"));
  return parts.reduce((sum, name) => sum + lstatSync(folder("blobs", name)).size, 0);
}

/** Sends the first bytes of an answer that announces all; once they are on the disk, no more. */
function cutAfter(bytes: number, times: number): void {
  let left = times;
  hub.storeTrouble = (request, response) => {
    if (left === 0) return false;
    left -= 1;
    const content = hub.files.get(WEIGHTS)!;
    const start = Number(/\d+/.exec(request.headers.range ?? "0")![0]);
    const whole = { "content-range": `bytes ${start}-${content.length - 1}/${content.length}` };
    response.writeHead(start > 0 ? 206 : 200, {
      "content-length": content.length - start,
      ...(start > 0 && whole),
    });
    response.write(content.subarray(start, start + bytes));
    const isThere = () => incompleteBytes() === start + bytes;
    void waitFor("the bytes before the cut", isThere).then(() => response.destroy());
    return true;
  };
}

describe("a cut connection", () => {
  it("is followed by a request for the rest", async () => {
    cutAfter(100_000, 2);
    const { directory } = await fetched();
    expect(readFileSync(path.join(directory, WEIGHTS))).toEqual(hub.files.get(WEIGHTS));
    expect(gets().map(({ range }) => range)).toEqual([undefined, "bytes=100000-", "bytes=200000-"]);
    expect(pauses).toEqual([1000, 2000]);
  });

  it("again and again leaves an incomplete file, from which the next fetch goes on", async () => {
    cutAfter(1000, 5);
    expect(await failureOf(fetched())).toMatchObject({ reason: "hub-unreachable" });
    expect(readdirSync(folder("snapshots", COMMIT))).not.toContain(WEIGHTS);
    expect(blobs().filter((name) => name.endsWith(".incomplete"))).toHaveLength(1);
    await fetched();
    expect(gets().at(-1)!.range).toBe("bytes=5000-");
    expect(blobs().filter((name) => name.endsWith(".incomplete"))).toEqual([]);
  });

  it("to a hub that knows no ranges is followed by everything anew", async () => {
    cutAfter(1000, 1);
    const cut = hub.storeTrouble;
    hub.storeTrouble = (request, response) => {
      if (cut(request, response)) return true;
      delete request.headers.range;
      send(request, response, hub.files.get(WEIGHTS)!);
      return true;
    };
    const { directory } = await fetched();
    expect(readFileSync(path.join(directory, WEIGHTS))).toEqual(hub.files.get(WEIGHTS));
  });
});

it("a fetch that was killed is gone on with", async () => {
  await fetched();
  const etag = hub.etagOf(WEIGHTS);
  const ended = spawn(process.execPath, ["-e", ""]);
  await once(ended, "exit");
  const part = `${etag}.qsweep~${hostname()}~${ended.pid}~ab.incomplete`;
  renameSync(folder("blobs", etag), folder("blobs", part));
  writeFileSync(folder("blobs", part), hub.files.get(WEIGHTS)!.subarray(0, 4321));
  await fetched();
  expect(gets().at(-1)!.range).toBe("bytes=4321-");
  expect(readFileSync(folder("blobs", etag))).toEqual(hub.files.get(WEIGHTS));
});

it("a part that a living process may be writing is left to it", async () => {
  await fetched();
  const etag = hub.etagOf(WEIGHTS);
  const part = `${etag}.qsweep~${hostname()}~${process.pid}~ab.incomplete`;
  renameSync(folder("blobs", etag), folder("blobs", part));
  await fetched();
  expect(gets().at(-1)!.range).toBeUndefined();
  expect(blobs()).toContain(part);
});

describe("a wrong checksum is refused, and nothing of it kept", () => {
  it.each([
    ["of a large file", WEIGHTS, /model\.safetensors arrived damaged: its SHA-256 is/],
    ["of a small file", "config.json", /config\.json arrived damaged: its Git's SHA-1 is/],
  ])("%s", async (_title, file, message) => {
    const trouble: Trouble = (request, response) => {
      if (request.method !== "GET" || !request.url!.includes(file)) return false;
      const damaged = Buffer.from(hub.files.get(file)!);
      damaged[3] = damaged[3]! ^ 1;
      send(request, response, damaged);
      return true;
    };
    if (hub.large.has(file)) hub.storeTrouble = trouble;
    else hub.trouble = trouble;
    const failure = await failureOf(fetched());
    expect(failure).toMatchObject({ reason: "file-invalid" });
    expect(failure.message).toMatch(message);
    expect(blobs().filter((name) => name.startsWith(hub.etagOf(file)))).toEqual([]);
  });
});

describe("a hub that does not deliver", () => {
  const always =
    (status: number): Trouble =>
    (_, response) => {
      response.writeHead(status).end();
      return true;
    };

  it("for a while is asked again after growing pauses", async () => {
    let left = 3;
    hub.trouble = (request, response) => left-- > 0 && always(503)(request, response);
    await fetched();
    expect(pauses).toEqual([1000, 2000, 4000]);
  });

  it("and says how long it will be is given that time", async () => {
    let isBusy = true;
    hub.trouble = (_, response) => {
      if (!isBusy) return false;
      isBusy = false;
      response.writeHead(429, { "retry-after": "7" }).end();
      return true;
    };
    await fetched();
    expect(pauses).toEqual([7000]);
  });

  it.each([
    [500, "hub-unreachable", /did not deliver .*: status 500/],
    [401, "hub-refused", /refuses model someone\/blip-small at revision main \(status 401\)/],
    [403, "hub-refused", /status 403/],
    [404, "model-missing", /the hub has no model someone\/blip-small at revision main/],
  ])("and answers %i is no %s", async (status, reason, message) => {
    hub.trouble = always(status);
    const failure = await failureOf(fetched());
    expect(failure).toMatchObject({ reason });
    expect(failure.message).toMatch(message);
    expect(JSON.stringify(failure)).not.toContain(TOKEN);
    expect(pauses).toHaveLength(status === 500 ? 4 : 0);
  });

  it("because nothing listens there is named", async () => {
    const { endpoint } = hub;
    await hub.stop();
    const failure = await failureOf(fetched("main", { HF_ENDPOINT: endpoint }));
    expect(failure).toMatchObject({ reason: "hub-unreachable" });
    expect(failure.message).toMatch(/ECONNREFUSED/);
    hub = await LocalHub.start(NAME);
  });

  it("but another service answers is named", async () => {
    hub.trouble = (_, response) => {
      response.end("<html>");
      return true;
    };
    expect((await failureOf(fetched())).message).toMatch(/not that of a Hugging Face hub/);
  });

  it("redirects in a circle is given up", async () => {
    hub.trouble = (request, response) => {
      response.writeHead(302, { location: request.url }).end();
      return true;
    };
    expect((await failureOf(fetched())).message).toMatch(/more than 5 redirects/);
  });
});

it("a model without files that are needed is refused by their names", async () => {
  hub.files.delete("preprocessor_config.json");
  hub.files.delete(WEIGHTS);
  const { message } = await failureOf(fetched());
  expect(message).toMatch(/has no preprocessor_config\.json, no model\.safetensors or .* or pyt/);
});

describe("what the user gives", () => {
  it.each(["../x", "a/b/c", "a b", "a/..", "", "/etc/passwd"])("%s is no name", async (name) => {
    const settings = hubSettings({ HF_ENDPOINT: hub.endpoint, HF_HOME: cache });
    const quiet = { pause: () => Promise.resolve(), progress: () => undefined };
    const fetching = fetchModel({ name, revision: "main", settings, ...quiet });
    await expect(fetching).rejects.toMatchObject({ reason: "usage" });
    expect(hub.seen).toEqual([]);
  });

  it.each([
    ["no endpoint", { HF_ENDPOINT: "" }, /HF_ENDPOINT is not set/],
    ["no address", { HF_ENDPOINT: "hub" }, /no address of a hub/],
    ["another protocol", { HF_ENDPOINT: "ftp://hub" }, /no address of a hub/],
    [
      "a token of two lines",
      { HF_ENDPOINT: "http://hub", HF_TOKEN: "a\nb" },
      /^the hub's token holds characters/,
    ],
  ])("%s is refused", async (_title, environment, message) => {
    expect(() => fetched("main", environment)).toThrow(message);
  });
});

describe("the token is found", () => {
  const base = { HF_ENDPOINT: "http://localhost" };

  it("in HF_TOKEN, then the file of HF_TOKEN_PATH, then HF_HOME/token", async () => {
    writeFileSync(path.join(cache, "token"), "of-home\n");
    writeFileSync(path.join(cache, "own"), "of-path\n");
    const paths = { HF_HOME: cache, HF_TOKEN_PATH: path.join(cache, "own") };
    expect(hubSettings({ ...base, HF_HOME: cache }).token).toBe("of-home");
    expect(hubSettings({ ...base, ...paths }).token).toBe("of-path");
    expect(hubSettings({ ...base, ...paths, HF_TOKEN: "of-env" }).token).toBe("of-env");
    expect(hubSettings({ ...base, HF_HOME: path.join(cache, "none") }).token).toBeNull();
  });

  it("and the cache in HF_HUB_CACHE, then HF_HOME/hub", () => {
    expect(hubSettings({ ...base, HF_HOME: "/a" }).cache).toBe("/a/hub");
    expect(hubSettings({ ...base, HF_HOME: "/a", HF_HUB_CACHE: "/b" }).cache).toBe("/b");
  });
});
