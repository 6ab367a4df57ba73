import type { NetworkInterfaceInfo } from "node:os";
import { describe, expect, it } from "vitest";
import { chooseListenAddress } from "../../../worker/broker/listen-address.ts";

function address(text: string, internal = false): NetworkInterfaceInfo {
  const rest = { address: text, netmask: "", mac: "", internal, cidr: null };
  return text.includes(":")
    ? { ...rest, family: "IPv6", scopeid: text.startsWith("fe80") ? 2 : 0 }
    : { ...rest, family: "IPv4" };
}

/** A login host with an inner and an outer network. */
const interfaces = {
  lo: [address("127.0.0.1", true), address("::1", true)],
  inner: [address("fe80::1"), address("fd00::7"), address("192.168.1.7")],
  outer: [address("203.0.113.7")],
};

function choose(asked: string | null, own: readonly string[] = ["192.168.1.7"]): string {
  return chooseListenAddress({ asked, host: "login1", own, interfaces });
}

describe("the address that a broker listens on", () => {
  it.each([
    ["the one the host's own name stands for", null, "192.168.1.7"],
    ["the one of the interface asked for", "outer", "203.0.113.7"],
    ["the interface's IPv4 address where it has several", "inner", "192.168.1.7"],
    ["the address asked for", "fd00::7", "fd00::7"],
  ])("is %s", (_, asked, expected) => {
    expect(choose(asked)).toBe(expected);
  });

  it("is not loopback where the host's own name stands for that too", () => {
    expect(choose(null, ["127.0.0.1", "192.168.1.7"])).toBe("192.168.1.7");
  });

  it.each([
    ["the own name stands for loopback only", null, ["127.0.1.1"]],
    ["the own name does not resolve", null, []],
    ["the own name stands for another machine's address", null, ["192.168.1.8"]],
    ["there is no such interface", "ib0", []],
    ["the interface asked for is loopback", "lo", []],
    ["the address asked for is loopback", "127.0.0.1", []],
    ["the address asked for is of one link only", "fe80::1", []],
  ])("is refused where %s, with those that there are", (_, asked, own) => {
    expect(() => choose(asked, own)).toThrow(
      expect.objectContaining({
        reason: "site-invalid",
        remedy: expect.stringContaining("inner 192.168.1.7"),
      }),
    );
  });
});
