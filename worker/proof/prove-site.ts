import { existsSync, readFileSync } from "node:fs";
import { hostname } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { listenAddress } from "../broker/listen-address.ts";
import { Failure } from "../contract/failure.ts";
import type { Listening, Proof, ProofFile } from "../contract/site-proof.ts";
import { trainerEnvironment } from "../engine/engine-state.ts";
import { writeFileDurably } from "../files/durable-write.ts";
import type { GpuRequest } from "../pilot/gpu-rule.ts";
import { takeGpus } from "../pilot/take-gpus.ts";
import { findRedisServer } from "../wheels/redis-server.ts";
import { lastLine, runTool } from "../wheels/tool.ts";
import { listenForHandshake, reach } from "./handshake.ts";

/** How long a proof waits for the login host to connect. */
const MEETING_SECONDS = 120;

export interface ProofOrder {
  /** Folder on the shared file system, with `nonce` as the login host wrote it. */
  directory: string;
  nonce: string;
  gpus: GpuRequest;
  threads: number;
  broker: BrokerProof;
}

/** How a pilot would come to its broker. */
export type BrokerProof =
  | { kind: "listen"; redisServer: string | null; interface: string | null }
  | { kind: "reach"; host: string; port: number };

/** `engine self-check --json` of our command line. */
const EngineReport = z.union([
  z.object({ tensorflow: z.string().nullable(), device: z.string(), threads: z.number() }),
  z.object({ error: z.object({ message: z.string() }) }),
]);

/**
 * Tries on an execution host what a pilot will need there, and writes `proof.json` into the folder.
 * What fails is a finding; only the writing of the file can throw.
 */
export async function proveSite(order: ProofOrder): Promise<ProofFile> {
  const { gpus, engine } = await provideEngine(order);
  const proofs = [
    await finding("shared directory", async () => sharedDirectory(order)),
    gpus,
    engine,
    ...(await brokerFindings(order)),
  ];
  const file: ProofFile = { version: 1, host: hostname(), proofs };
  writeFileDurably(path.join(order.directory, "proof.json"), `${JSON.stringify(file)}\n`);
  return file;
}

type Found = Pick<Proof, "status" | "message">;

async function finding(proof: Proof["proof"], find: () => Promise<Found>): Promise<Proof> {
  try {
    return { proof, ...(await find()) };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const remedy = error instanceof Failure ? ` (${error.remedy})` : "";
    return { proof, status: "problem", message: `${message}${remedy}` };
  }
}

function sharedDirectory({ directory, nonce }: ProofOrder): Found {
  const file = path.join(directory, "nonce");
  const seen = existsSync(file) ? readFileSync(file, "utf8").trim() : null;
  if (seen === nonce) return { status: "ok", message: `${hostname()} reads what login wrote` };
  return {
    status: "problem",
    message: `${hostname()} does not see ${directory} as the login host does`,
  };
}

/** The engine is tried with the GPUs that a pilot would have been given. */
async function provideEngine(order: ProofOrder): Promise<{ gpus: Proof; engine: Proof }> {
  let devices = "";
  const gpus = await finding("gpus", async () => {
    const taken = await takeGpus(order.gpus);
    devices = taken.devices;
    taken.release();
    if (devices !== "") return { status: "ok", message: devices };
    const none = order.gpus.count === 0 ? "none asked for" : "none, by the site's gpu_rule";
    return { status: "ok", message: none };
  });
  const engine = await finding("engine", () => engineFinding(order, devices));
  return { gpus, engine };
}

async function engineFinding({ threads }: ProofOrder, devices: string): Promise<Found> {
  const cli = fileURLToPath(new URL("../cli.js", import.meta.url));
  const { stdout, stderr } = await runTool({
    argv: [process.execPath, cli, "engine", "self-check", "--json"],
    env: { ...process.env, ...trainerEnvironment({ threads }), CUDA_VISIBLE_DEVICES: devices },
  });
  if (stdout === "") return { status: "problem", message: lastLine(stderr) };
  const report = EngineReport.parse(JSON.parse(lastLine(stdout)));
  if ("error" in report) return { status: "problem", message: report.error.message };
  const message = `TensorFlow ${report.tensorflow} on ${report.device}, ${report.threads} threads`;
  if (devices === "" || report.device === "gpu") return { status: "ok", message };
  return { status: "warning", message: `${message}: it does not use GPU ${devices}` };
}

async function brokerFindings(order: ProofOrder): Promise<Proof[]> {
  const { broker } = order;
  if (broker.kind === "reach") {
    const { host, port } = broker;
    return [
      await finding("broker", async () => {
        await reach(host, port);
        return { status: "ok", message: `${hostname()} reaches ${host}:${port}` };
      }),
    ];
  }
  return [
    await finding("redis-server", async () => {
      return { status: "ok", message: await findRedisServer(broker.redisServer ?? undefined) };
    }),
    await finding("broker", () => meeting(order, broker.interface)),
  ];
}

/** Says where it listens, and waits until the login host has connected. */
async function meeting({ directory, nonce }: ProofOrder, asked: string | null): Promise<Found> {
  const host = await listenAddress(asked);
  const handshake = await listenForHandshake(host, nonce);
  try {
    const listening: Listening = { host, port: handshake.port };
    const file = path.join(directory, "listening.json");
    writeFileDurably(file, `${JSON.stringify(listening)}\n`);
    const where = `${host} of ${hostname()}`;
    if (await handshake.met(MEETING_SECONDS)) {
      return { status: "ok", message: `the login host reaches ${where}` };
    }
    return { status: "problem", message: `the login host did not reach ${where}` };
  } finally {
    handshake.close();
  }
}
