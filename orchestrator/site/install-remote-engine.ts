import { mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { z } from "zod";
import { Failure, FAILURE_REASONS } from "../../worker/contract/failure.ts";
import { fileDigest } from "../../worker/files/file-digest.ts";
import { packageRoot } from "../../worker/files/package-root.ts";
import { lastLine, runTool } from "../../worker/wheels/tool.ts";
import type { RemoteHost } from "../ports/remote-host.ts";
import { shellLine } from "../ssh/shell-words.ts";
import type { ClusterSite } from "../sweep/site-config.ts";
import { remoteFailure } from "./remote-failure.ts";
import { sendFolder } from "./send-folder.ts";
import { siteShell } from "./site-shell.ts";

const INSTALL_SECONDS = 10 * 60;
const LIBRARIES = ["libtensorflow_cc.so.2", "libtensorflow_framework.so.2"];

/** What `engine ship --json` prints: paths of this machine. */
const Shipped = z.object({ binding: z.string(), compiler: z.string(), library: z.string() });
type Shipped = z.infer<typeof Shipped>;

const Refusal = z.object({
  error: z.object({
    reason: z.enum(FAILURE_REASONS),
    message: z.string(),
    remedy: z.string(),
  }),
});

/** What `engine install --json` prints on the cluster. */
const Installed = z.object({
  engine: z.literal("native"),
  tensorflow: z.string(),
  library: z.string(),
  changed: z.boolean(),
});
export type InstalledEngine = z.infer<typeof Installed> & { compiler: string };

export interface RemoteEngineOptions {
  site: ClusterSite;
  root: string;
  /** Folder of the deployed worker. */
  worker: string;
  note: (line: string) => void;
}

/**
 * Installs the engine on a login host, checked there: the site's TensorFlow, else one of ours; with
 * this machine's binding, else with one that old systems can load. Throws Failure `engine-missing`
 * or `engine-build` when nothing fits.
 */
export async function installRemoteEngine(
  host: RemoteHost,
  options: RemoteEngineOptions,
): Promise<InstalledEngine> {
  const { site, note } = options;
  let last: Failure | null = null;
  for (const portable of [false, true]) {
    const shipped = await shippedEngine(portable, note);
    const binding = await sendBinding(host, shipped, options);
    const sources = [
      async () => site.tensorflow,
      ...(site.tensorflow === null ? [() => sendLibrary(host, shipped, options)] : []),
    ];
    for (const find of sources) {
      const answer = await install(host, { ...options, binding, from: await find() });
      if (!(answer instanceof Failure)) return { ...answer, compiler: shipped.compiler };
      last = answer;
      if (answer.reason !== "engine-missing" && answer.reason !== "engine-build") throw answer;
      note(`${host.name}: ${answer.message}`);
    }
    if (shipped.compiler.startsWith("ziglang")) break;
  }
  throw last ?? new Error("no engine was tried");
}

/** Built here by a process of its own: this one never loads what the engine needs. */
async function shippedEngine(portable: boolean, note: (line: string) => void): Promise<Shipped> {
  note(portable ? "building an engine for old systems" : "looking for the engine to send");
  const cli = path.join(packageRoot(), "dist", "worker", "cli.js");
  const { stdout, stderr } = await runTool({
    argv: [process.execPath, cli, "engine", "ship", "--json", ...(portable ? ["--portable"] : [])],
  });
  const answer = z.union([Shipped, Refusal]).safeParse(lastJson(stdout));
  if (!answer.success) throw new Error(`engine ship: ${lastLine(stderr)}`);
  if ("error" in answer.data) throw new Failure(answer.data.error);
  return answer.data;
}

/** Returns the file's place on the site, under a name by its content. */
async function sendBinding(
  host: RemoteHost,
  { binding }: Shipped,
  { root }: RemoteEngineOptions,
): Promise<string> {
  const folder = path.posix.join(root, "cache", "shipped");
  const target = path.posix.join(folder, `${(await fileDigest(binding)).slice(0, 16)}.node`);
  const made = await host.run(shellLine(["mkdir", "-p", folder]), { timeoutSeconds: 60 });
  if (made.status !== 0) {
    const what = `${folder} could not be made on ${host.name}`;
    throw remoteFailure({ what, stderr: made.stderr });
  }
  const there = await host.run(shellLine(["test", "-e", target]), { timeoutSeconds: 60 });
  if (there.status !== 0) await host.upload(binding, target, { mode: 0o755 });
  return target;
}

/** Returns the folder of our libraries on the site; only the two files are sent. */
async function sendLibrary(
  host: RemoteHost,
  { library }: Shipped,
  { root, note }: RemoteEngineOptions,
): Promise<string> {
  const digests = await Promise.all(LIBRARIES.map((name) => fileDigest(path.join(library, name))));
  const name = digests.map((digest) => digest.slice(0, 8)).join("-");
  const to = path.posix.join(root, "cache", "tensorflow", name);
  const folder = await mkdtemp(path.join(tmpdir(), "qsweep-send-"));
  const from = path.join(folder, "TensorFlow");
  try {
    await mkdir(from);
    for (const file of LIBRARIES) await symlink(path.join(library, file), path.join(from, file));
    await sendFolder(host, { from, to, onProgress: note });
  } finally {
    await rm(folder, { recursive: true });
  }
  return to;
}

interface Installation extends RemoteEngineOptions {
  binding: string;
  from: string | null;
}

async function install(
  host: RemoteHost,
  { site, root, worker, binding, from, note }: Installation,
): Promise<z.infer<typeof Installed> | Failure> {
  note(`${host.name}: installing the engine on ${from ?? "the TensorFlow of python3"}`);
  const cli = path.posix.join(worker, "dist", "worker", "cli.js");
  const words = [site.node, cli, "engine", "install", "--json", "--binding", binding];
  if (from !== null) words.push("--from", from);
  const { stdout, stderr } = await host.run(siteShell(site, { root, words }), {
    timeoutSeconds: INSTALL_SECONDS,
  });
  const answer = z.union([Installed, Refusal]).safeParse(lastJson(stdout));
  if (answer.success) {
    return "error" in answer.data ? new Failure(answer.data.error) : answer.data;
  }
  return remoteFailure({ what: `\`engine install\` said nothing on ${host.name}`, stderr });
}

/** The last line that is JSON: profiles print lines of their own. */
function lastJson(output: string): unknown {
  const line = output.split("\n").findLast((each) => each.startsWith("{"));
  try {
    return line === undefined ? null : JSON.parse(line);
  } catch {
    return null;
  }
}
