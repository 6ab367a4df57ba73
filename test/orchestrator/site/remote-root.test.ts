import { expect, test } from "vitest";
import { expandRoot, resolveRoot } from "../../../orchestrator/site/remote-root.ts";
import { ShellHost } from "../../rig/shell-host.ts";

test.each([
  ["/projectnb/{user}/qsweep", "/projectnb/ds/qsweep"],
  ["~/qsweep", "/home/ds/qsweep"],
  ["~", "/home/ds"],
  ["/a//b/../c/", "/a/c"],
  ["/it's $(HOME)/q s", "/it's $(HOME)/q s"],
])("%s is %s for user ds", (root, path) => {
  expect(expandRoot(root, { user: "ds", home: "/home/ds" })).toBe(path);
});

test.each(["relative/path", "~someone/else", "/home/{name}/q"])("%s is refused", (root) => {
  expect(() => expandRoot(root, { user: "ds", home: "/home/ds" })).toThrow(root);
});

test("the home directory is the one that the far side names", async () => {
  const host = new ShellHost({ HOME: "/far/home of ds" });
  expect(await resolveRoot(host, { root: "~/q" })).toBe("/far/home of ds/q");
});

test("where no ~ stands the far side is not asked", async () => {
  const host = new ShellHost();
  await resolveRoot(host, { root: "/scratch/{user}" });
  expect(host.ran).toEqual([]);
});
