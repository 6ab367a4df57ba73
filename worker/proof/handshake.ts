import { connect, createServer, type Server } from "node:net";
import { Failure } from "../contract/failure.ts";

const CONNECT_MILLISECONDS = 10_000;

/** A server on a free port that answers each connection with the nonce. */
export interface Handshake {
  port: number;
  /** Settles with true at the first connection, with false after the given time without one. */
  met(seconds: number): Promise<boolean>;
  close(): void;
}

/** Listens on one address of this host. Throws the errors of listening. */
export async function listenForHandshake(host: string, nonce: string): Promise<Handshake> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.end(`${nonce}\n`);
  });
  const greeted = new Promise<boolean>((resolve) => {
    server.once("connection", () => resolve(true));
  });
  await new Promise<void>((resolve, reject) => {
    server.on("error", reject);
    server.listen(0, host, resolve);
  });
  return {
    port: portOf(server),
    met: (seconds) => Promise.race([greeted, silence(seconds)]),
    close: () => server.close(),
  };
}

/** Throws Failure `broker-unreachable` where nobody accepts a connection there. */
export async function reach(host: string, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const socket = connect({ host, port, timeout: CONNECT_MILLISECONDS });
    const fail = (problem: string): void => {
      socket.destroy();
      reject(unreachable(`${host}:${port}`, problem));
    };
    socket.on("timeout", () => fail("no answer"));
    socket.on("error", (error) => fail(error.message));
    socket.on("connect", () => {
      socket.destroy();
      resolve();
    });
  });
}

function portOf(server: Server): number {
  const address = server.address();
  if (typeof address === "object" && address) return address.port;
  throw new Error("a server without a port");
}

function silence(seconds: number): Promise<boolean> {
  return new Promise((resolve) => {
    setTimeout(() => resolve(false), seconds * 1000).unref();
  });
}

function unreachable(where: string, problem: string): Failure {
  return new Failure({
    reason: "broker-unreachable",
    message: `${where} cannot be reached from here: ${problem}`,
    remedy: "Choose another `broker.placement` or `broker.interface` in the site's file.",
  });
}
