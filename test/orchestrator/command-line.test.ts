import { describe, expect, test } from "vitest";
import { runWords } from "./commands/run-words.ts";

const check = (words: string[], stderr: string) =>
  test(words.join(" "), async () => {
    expect(await runWords(...words)).toEqual({ exitCode: 2, stdout: "", stderr });
  });

describe("a mistake of usage exits 2 and says what was meant", () => {
  check(["plam"], "error: unknown command 'plam'\n  Did you mean plan?\n");
  check(["plan", "--jsn", "x"], "error: unknown option '--jsn'\n  Did you mean --json?\n");
  check(["plan"], "error: missing required argument 'file'\n  See `qsweep --help`.\n");
  check(
    ["plan", "configs/sweeps/demo.yaml", "--set", "epochs"],
    "error: --set epochs: expected key=value\n" +
      "  Give a dotted path and a YAML value, for example --set train.epochs=2.\n",
  );
});

test("under --json a mistake of usage is one value", async () => {
  const { exitCode, stdout, stderr } = await runWords("plan", "--json");
  expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: "" });
  expect(JSON.parse(stdout)).toEqual({
    error: {
      reason: "usage",
      message: "missing required argument 'file'",
      remedy: "See `qsweep --help`.",
      places: [],
    },
  });
});

test("help exits 0 on stdout; no command at all shows it on stderr and exits 2", async () => {
  const asked = await runWords("--help");
  expect(asked).toMatchObject({ exitCode: 0, stderr: "" });
  expect(asked.stdout).toMatch(/^Usage: qsweep /);
  expect(await runWords()).toEqual({ exitCode: 2, stdout: "", stderr: asked.stdout });
});

test("every command's help has an example", async () => {
  for (const command of ["check", "plan"]) {
    const { exitCode, stdout } = await runWords(command, "--help");
    expect(exitCode).toBe(0);
    expect(stdout).toContain(`\nExample:\n  $ qsweep ${command} `);
  }
});

test("a bug shows its stack, asks to be reported and has an exit code of its own", async () => {
  const { exitCode, stdout, stderr } = await runWords("break");
  expect({ exitCode, stdout }).toEqual({ exitCode: 70, stdout: "" });
  expect(stderr).toMatch(/^TypeError: planted\n +at /);
  expect(stderr).toContain("This is a bug in qsweep");
});
