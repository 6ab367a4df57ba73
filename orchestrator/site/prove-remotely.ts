import { randomBytes } from "node:crypto";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Listening, ProofFile } from "../../worker/contract/site-proof.ts";
import type { RemoteHost, RemoteStream } from "../ports/remote-host.ts";
import { gridFailure } from "../sge/grid-failure.ts";
import { qsubOutcome } from "../sge/qsub-answer.ts";
import { qstatRows } from "../sge/qstat-rows.ts";
import { shellLine, shellWord } from "../ssh/shell-words.ts";
import type { ResourceRequest } from "../sweep/arm.ts";
import type { ClusterSite } from "../sweep/site-config.ts";
import { type ProofJob, proofDirectory, proofScript } from "./proof-job.ts";
import { remoteFailure } from "./remote-failure.ts";
import { siteShell } from "./site-shell.ts";

const CALL_SECONDS = 90;
const LOOK_SECONDS = 3;
/** After the end of a grid job its files may take this long to be seen over NFS. */
const GRACE_SECONDS = 60;
const MAX_BYTES = 64 * 1024;

export interface ProofOptions {
  site: ClusterSite;
  request: ResourceRequest;
  root: string;
  /** Folder of the deployed worker. */
  worker: string;
  note: (line: string) => void;
}

/**
 * Runs a proof on an execution host and waits for it, however long it waits in the queue. Throws
 * Failure `scheduler-refused`, or `site-not-ready` where the grid job ended without a word.
 */
export async function proveRemotely(host: RemoteHost, options: ProofOptions): Promise<ProofFile> {
  const token = randomBytes(4).toString("hex");
  const nonce = randomBytes(8).toString("hex");
  const listener = await listenOnLogin(host, options, nonce);
  try {
    const reach = listener?.listening ?? options.site.broker.url;
    const job: ProofJob = { ...options, token, nonce, reach };
    const id = await submit(host, job);
    options.note(`grid job ${id} proves the site on an execution host; Ctrl-C leaves it there`);
    return await awaitProof(host, job, { id, note: options.note });
  } finally {
    listener?.stream.end();
  }
}

/** For a broker on the login host: something that pilots can try to reach there. */
async function listenOnLogin(
  host: RemoteHost,
  { site, root, worker }: ProofOptions,
  nonce: string,
): Promise<{ listening: Listening; stream: RemoteStream } | null> {
  const { placement, interface: network } = site.broker;
  if (placement !== "login") return null;
  const program = path.posix.join(worker, "dist", "worker", "prove.js");
  const words = [site.node, program, "--listen", "--nonce", nonce];
  if (network !== null) words.push("--interface", network);
  const stream = await host.stream(siteShell(site, { root, words }));
  const line = await firstJsonLine(stream);
  // Its end is no news: we close the connection below it.
  stream.on("error", () => {});
  if (line !== null) return { listening: Listening.parse(line), stream };
  throw remoteFailure({ what: `nothing of ours listens on ${host.name}`, stderr: "" });
}

async function firstJsonLine(stream: RemoteStream): Promise<unknown> {
  let text = "";
  for await (const bytes of stream.iterator({ destroyOnReturn: false })) {
    text += String(bytes);
    const line = text
      .split("\n")
      .slice(0, -1)
      .find((each) => each.startsWith("{"));
    if (line !== undefined) return JSON.parse(line);
  }
  return null;
}

/** The script and the answer are kept. */
const SUBMIT = `cat >"$1/script" && timeout 60 qsub -terse "$1/script" 2>&1 | tee "$1/out"
exit "\${PIPESTATUS[0]}"`;

async function submit(host: RemoteHost, job: ProofJob): Promise<string> {
  const directory = proofDirectory(job);
  const make = [
    "set -e",
    shellLine(["mkdir", "-p", directory]),
    `printf '%s\\n' ${shellWord(job.nonce)} >${shellWord(`${directory}/nonce`)}`,
  ];
  const made = await host.run(make.join("\n"), { timeoutSeconds: CALL_SECONDS });
  if (made.status !== 0) {
    const what = `${directory} could not be made on ${host.name}`;
    throw remoteFailure({ what, stderr: made.stderr });
  }
  const words = ["bash", "-c", SUBMIT, "bash", directory];
  const answer = await host.run(siteShell(job.site, { root: job.root, words }), {
    stdin: proofScript(job),
    timeoutSeconds: CALL_SECONDS,
  });
  const outcome = qsubOutcome(answer);
  if (outcome.kind === "submitted") return outcome.job;
  // What the set-up lines say stands on stderr; both of qsub's outputs are in the other.
  throw gridFailure("qsub", { ...answer, stderr: "" });
}

interface Waiting {
  id: string;
  note: (line: string) => void;
}

async function awaitProof(
  host: RemoteHost,
  job: ProofJob,
  { id, note }: Waiting,
): Promise<ProofFile> {
  const directory = proofDirectory(job);
  let shown = "";
  let nextQuestion = 0;
  let goneSince: number | null = null;
  let met = false;
  for (;;) {
    const proof = await host.readFile(`${directory}/proof.json`, MAX_BYTES);
    if (proof) return ProofFile.parse(JSON.parse(proof.toString()));
    met ||= await meet(host, job);
    const now = performance.now() / 1000;
    if (now >= nextQuestion) {
      nextQuestion = now + job.site.sge.pollSeconds;
      const state = await stateOf(host, job, id);
      if (state !== null && state !== shown) note(`grid job ${id}: ${(shown = state)}`);
      if (state?.startsWith("Eqw")) throw await stuck(host, job, id);
      goneSince = state === "gone" ? (goneSince ?? now) : null;
    }
    if (goneSince !== null && now - goneSince > GRACE_SECONDS) throw await silent(host, job, id);
    await delay(LOOK_SECONDS * 1000);
  }
}

/** Connects to where a proof listens, once it does. */
async function meet(host: RemoteHost, job: ProofJob): Promise<boolean> {
  if (job.reach) return true;
  const file = await host.readFile(`${proofDirectory(job)}/listening.json`, MAX_BYTES);
  if (!file) return false;
  const { host: address, port } = Listening.parse(JSON.parse(file.toString()));
  const read = 'exec 3<>"/dev/tcp/$1/$2" && read -r line <&3 && [ "$line" = "$3" ]';
  const words = ["timeout", "20", "bash", "-c", read, "bash", address, String(port), job.nonce];
  const { status } = await host.run(shellLine(words), { timeoutSeconds: CALL_SECONDS });
  return status === 0;
}

/** The state in Grid Engine's letters and the host; null where it gave no answer. */
async function stateOf(host: RemoteHost, job: ProofJob, id: string): Promise<string | null> {
  const words = ["timeout", "60", "qstat", "-xml", "-u", host.user];
  const answer = await host.run(siteShell(job.site, { root: job.root, words }), {
    timeoutSeconds: CALL_SECONDS,
  });
  const rows = answer.status === 0 ? qstatRows(answer.stdout) : null;
  if (rows === null) return null;
  const row = rows.find((each) => each.job === id);
  if (!row) return "gone";
  return row.host === null ? `${row.shown} (${row.state})` : `${row.shown} on ${row.host}`;
}

async function stuck(host: RemoteHost, job: ProofJob, id: string) {
  const words = ["timeout", "60", "qstat", "-j", id];
  const { stdout } = await host.run(siteShell(job.site, { root: job.root, words }), {
    timeoutSeconds: CALL_SECONDS,
  });
  const reason = /error reason\s+\d*:\s*(.*)/.exec(stdout)?.[1] ?? "qstat -j names no reason";
  await host.run(siteShell(job.site, { root: job.root, words: ["timeout", "60", "qdel", id] }), {
    timeoutSeconds: CALL_SECONDS,
  });
  return remoteFailure({ what: `grid job ${id} could not start and was deleted`, stderr: reason });
}

async function silent(host: RemoteHost, job: ProofJob, id: string) {
  const log = await host.readFile(`${proofDirectory(job)}/${id}.1.log`, MAX_BYTES);
  const what = `grid job ${id} ended without a proof`;
  return remoteFailure({ what, stderr: log?.toString() ?? "it left no log" });
}
