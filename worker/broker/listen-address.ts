import { lookup } from "node:dns/promises";
import { hostname, type NetworkInterfaceInfo, networkInterfaces } from "node:os";
import { Failure } from "../contract/failure.ts";

export const LOOPBACK = "127.0.0.1";

/**
 * The one address of this host that a broker listens on for other hosts: of the named interface, or
 * the address given; by default the one that this host's own name stands for. Never loopback.
 * Throws Failure `site-invalid` where none fits.
 */
export async function listenAddress(asked: string | null): Promise<string> {
  const name = hostname();
  const own = asked === null ? await lookup(name, { all: true }).catch(() => []) : [];
  return chooseListenAddress({
    asked,
    host: name,
    own: own.map(({ address }) => address),
    interfaces: networkInterfaces(),
  });
}

export interface ListenQuery {
  /** Name of a network interface, or an address. */
  asked: string | null;
  host: string;
  /** Addresses that the host's name stands for. */
  own: readonly string[];
  interfaces: Readonly<Record<string, NetworkInterfaceInfo[] | undefined>>;
}

/** Decides only; see `listenAddress`. */
export function chooseListenAddress({ asked, host, own, interfaces }: ListenQuery): string {
  const usable = Object.entries(interfaces).flatMap(([name, addresses = []]) =>
    addresses
      .filter(({ internal, scopeid }) => !internal && !scopeid)
      .map(({ address, family }) => ({ name, address, family })),
  );
  const wanted = asked === null ? own : [asked];
  const found = usable
    .filter(({ name, address }) => wanted.includes(address) || name === asked)
    .toSorted((a, b) => a.family.localeCompare(b.family));
  if (found[0]) return found[0].address;
  const there = usable.map(({ name, address }) => `${name} ${address}`).join(", ");
  const stands = own.length === 0 ? "does not resolve" : `stands for ${own.join(", ")}`;
  throw new Failure({
    reason: "site-invalid",
    message:
      asked === null
        ? `the broker has no address to listen on: this host's own name, ${host}, ${stands}`
        : `the broker cannot listen on ${asked}: ${host} has no such interface or address`,
    remedy: `Set broker.interface in the site file to one of: ${there || "(this host has none)"}.`,
  });
}
