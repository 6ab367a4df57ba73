import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { greeting } from "./agent-client.ts";
import { type AgentRequest, decodeMessage, encodeMessage, errorResponse } from "./agent-message.ts";
import type { AgentMethod, SiteAgent } from "./site-agent.ts";

const METHODS: Record<AgentMethod, true> = {
  modelDigest: true,
  datasetDigest: true,
  encodedShape: true,
  countImages: true,
  compare: true,
  record: true,
  prepare: true,
  pools: true,
  submitPilots: true,
  submitBroker: true,
  isLaunched: true,
  read: true,
  witnesses: true,
  grid: true,
  apply: true,
  reconcile: true,
  recordIntent: true,
  readPart: true,
};

export interface AgentLine {
  input: Readable;
  output: Writable;
  nonce: string;
}

/**
 * Answers requests until the input ends, several at a time; settles when those begun are done, so
 * that a lost connection interrupts no submission.
 */
export async function serveAgent(agent: SiteAgent, line: AgentLine): Promise<void> {
  const { input, output, nonce } = line;
  output.write(`${greeting(nonce)}\n`);
  const underWay = new Set<Promise<void>>();
  for await (const text of createInterface({ input, crlfDelay: Infinity })) {
    const request: AgentRequest = decodeMessage(text);
    const answering = answer(agent, request).then((response) => {
      output.write(`${encodeMessage(response)}\n`);
      underWay.delete(answering);
    });
    underWay.add(answering);
  }
  await Promise.all(underWay);
}

async function answer(agent: SiteAgent, { id, method, params }: AgentRequest) {
  try {
    if (!isMethod(method)) throw new Error(`the agent has no method ${method}`);
    const result: unknown = await Reflect.apply(agent[method], agent, params);
    return { id, result };
  } catch (error) {
    return errorResponse(id, error);
  }
}

function isMethod(method: string): method is AgentMethod {
  return Object.hasOwn(METHODS, method);
}
