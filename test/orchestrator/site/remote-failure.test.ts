import { expect, test } from "vitest";
import { remoteFailure } from "../../../orchestrator/site/remote-failure.ts";

test.each([
  [
    "tar: a/b: Cannot write: No space left on device\ntar: Exiting with failure status\n",
    "disk-full",
    "it failed: tar: a/b: Cannot write: No space left on device",
    /Make room/,
  ],
  [
    "cat: write error: Disk quota exceeded\n",
    "disk-full",
    "it failed: cat: write error: Disk quota exceeded",
    /`quota`/,
  ],
  [
    "mkdir: cannot create directory '/x': Permission denied\nmkdir: giving up\n",
    "site-not-ready",
    "it failed: mkdir: cannot create directory '/x': Permission denied",
    /root directory that you may write to/,
  ],
  ["first\nlast\n", "site-not-ready", "it failed: last", /site check/],
  ["", "site-not-ready", "it failed", /site check/],
])("%j is shown by its telling line", (stderr, reason, message, remedy) => {
  const failure = remoteFailure({ what: "it failed", stderr });
  expect(failure).toMatchObject({ reason, message });
  expect(failure.remedy).toMatch(remedy);
});
