import { expect, it } from "vitest";
import { brokerSettings } from "../../../worker/broker/broker-settings.ts";

const least = { root: "/r", "lease-seconds": "15", placement: "here" };

it("a program's options become settings; what was not given stays out", () => {
  expect(brokerSettings(least)).toEqual({ root: "/r", leaseSeconds: 15, placement: "here" });
});

it("a broker that exists already is given by host, port and a file for its password", () => {
  const url = { "broker-host": "db1", "broker-port": "6379", "password-file": "/p" };
  expect(brokerSettings({ ...least, placement: "url", ...url })).toMatchObject({
    placement: "url",
    url: { host: "db1", port: 6379, passwordFile: "/p" },
  });
});

it.each([{ placement: "cloud" }, { "lease-seconds": "soon" }, { root: undefined }])(
  "options such as %j are a bug of who wrote them",
  (wrong) => {
    expect(() => brokerSettings({ ...least, ...wrong })).toThrow();
  },
);
