import { Failure, type FailureDetails } from "../../worker/contract/failure.ts";

/** What the CLI asks its agent, and what it is answered: one JSON text a line. */
export interface AgentRequest {
  id: number;
  method: string;
  params: unknown[];
}

export type AgentResponse =
  | { id: number; result: unknown }
  | { id: number; failure: FailureDetails }
  /** Of a bug: the stack, to be shown as one. */
  | { id: number; bug: string };

/** Maps and bytes, which JSON lacks, travel under these keys. */
const MAP = "$map";
const BYTES = "$bytes";

/** One line, without its end. */
export function encodeMessage(message: AgentRequest | AgentResponse): string {
  return JSON.stringify(message, (_, value: unknown) => {
    if (value instanceof Map) return { [MAP]: [...value] };
    // A Buffer has been through its own toJSON when it gets here.
    if (isBufferJson(value)) return { [BYTES]: Buffer.from(value.data).toString("base64") };
    return value;
  });
}

/** Both ends are one build (its digest names the agent's folder), so no shape is checked here. */
export function decodeMessage(line: string) {
  return JSON.parse(line, (_, value: unknown) => {
    if (typeof value !== "object" || value === null) return value;
    if (MAP in value && Array.isArray(value[MAP])) return new Map(value[MAP]);
    if (BYTES in value && typeof value[BYTES] === "string") {
      return Buffer.from(value[BYTES], "base64");
    }
    return value;
  });
}

/** An error as it travels. */
export function errorResponse(id: number, error: unknown): AgentResponse {
  if (error instanceof Failure) return { id, failure: error.toJSON() };
  return { id, bug: error instanceof Error ? (error.stack ?? error.message) : String(error) };
}

function isBufferJson(value: unknown): value is { type: "Buffer"; data: number[] } {
  return (
    typeof value === "object" &&
    value !== null &&
    "type" in value &&
    value.type === "Buffer" &&
    "data" in value &&
    Array.isArray(value.data)
  );
}
