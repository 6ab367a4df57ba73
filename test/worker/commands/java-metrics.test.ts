import { spawnSync } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { temporaryFolder } from "../data/temporary-folder.ts";
import { runScore } from "./run-score.ts";

const FILES = {
  references: {
    images: [{ id: 3 }, { id: 8 }],
    annotations: [
      { image_id: 3, caption: "A dog, running." },
      { image_id: 3, caption: "One pup" },
      { image_id: 8, caption: "Two cats" },
    ],
  },
  predictions: [
    { image_id: 8, caption: "Three red cats!" },
    { image_id: 3, caption: "A dog" },
  ],
};

/** Speaks as METEOR does, and keeps what it is told: a score is a tenth of the caption's words. */
const METEOR = `
import java.io.*; import java.nio.file.*; import java.util.*;
public class Tool { public static void main(String[] words) throws Exception {
  BufferedReader in = new BufferedReader(new InputStreamReader(System.in, "UTF-8"));
  List<String> told = new ArrayList<>(List.of(String.join(" ", words)));
  for (String line; (line = in.readLine()) != null; ) {
    told.add(line);
    Files.write(Path.of("told.txt"), told);
    String[] parts = line.split(" [|][|][|] ");
    if (parts[0].equals("SCORE")) {
      System.out.println(parts[parts.length - 1].split(" ").length + ".0 1.0");
    } else {
      double sum = 0;
      for (int i = 1; i < parts.length; i++) {
        double score = Double.parseDouble(parts[i].split(" ")[0]) / 10;
        sum += score;
        System.out.println(score);
      }
      System.out.println(sum / (parts.length - 1));
    }
  } } }`;

/** Writes a result as SPICE does, for the two images. */
const spice = (first: string) => `
import java.nio.file.*; import java.util.*;
public class Tool { public static void main(String[] words) throws Exception {
  Files.copy(Path.of(words[0]), Path.of("told.json"));
  Files.writeString(Path.of(words[2]), "[{\\"image_id\\": 1, \\"scores\\": {\\"All\\": {\\"f\\": 0.5}}},"
    + "{\\"image_id\\": 0, \\"scores\\": {\\"All\\": {\\"f\\": ${first}}}}]");
} }`;

const BROKEN = `
public class Tool { public static void main(String[] words) {
  throw new IllegalStateException("no parser here");
} }`;

const NEEDED = {
  "meteor/meteor-1.5.jar": "meteor/data/paraphrase-en.gz",
  "spice/spice-1.0.jar":
    "spice/lib/stanford-corenlp-3.6.0.jar spice/lib/stanford-corenlp-3.6.0-models.jar",
};

/** A folder with these programs in the places of the tools. */
async function toolFolder(programs: Partial<Record<keyof typeof NEEDED, string>>) {
  const folder = await temporaryFolder();
  for (const [jar, source] of Object.entries(programs)) {
    const needed = NEEDED[jar as keyof typeof NEEDED].split(" ");
    for (const name of needed) {
      await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
      await writeFile(path.join(folder, name), "");
    }
    if (!compiled.has(source)) compiled.set(source, await jarOf(source));
    await writeFile(path.join(folder, jar), compiled.get(source)!);
  }
  return folder;
}

const compiled = new Map<string, Buffer>();

async function jarOf(source: string): Promise<Buffer> {
  const work = await temporaryFolder();
  await writeFile(path.join(work, "Tool.java"), source);
  run(work, "javac", "Tool.java");
  run(work, "jar", "cfe", "tool.jar", "Tool", "Tool.class");
  return readFile(path.join(work, "tool.jar"));
}

function run(cwd: string, program: string, ...words: string[]): void {
  const { status, stderr } = spawnSync(program, words, { cwd, encoding: "utf8" });
  if (status !== 0) throw new Error(`${program}: ${stderr}`);
}

const hasCompiler = spawnSync("javac", ["-version"]).status === 0;

// The stand-ins are Java programs, as the tools are.
describe.skipIf(!hasCompiler)("with a Java compiler to make stand-ins", () => {
  it("METEOR is told tokenised captions, and its scores stand beside the others", async () => {
    const folder = await toolFolder({ "meteor/meteor-1.5.jar": METEOR });
    const { value, lines } = await runScore(FILES, "--per-image", "--java-metrics", folder);
    expect(value.metrics).toMatchObject({ rouge_l: expect.any(Number), meteor: 0.25 });
    expect(value.perImage).toMatchObject([{ meteor: 0.2 }, { meteor: 0.3 }]);
    expect(lines[0]).toMatch(/ROUGE-L +METEOR$/);
    expect(lines.at(-2)).toMatch(/ 0\.2500$/);
    const told = (await readFile(path.join(folder, "meteor", "told.txt"), "utf8")).split("\n");
    expect(told.slice(0, 3)).toEqual([
      "- - -stdio -l en -norm",
      "SCORE ||| a dog running ||| one pup ||| a dog",
      "SCORE ||| two cats ||| three red cats",
    ]);
  });

  it("what the folder lacks is left out, and said", async () => {
    const folder = await toolFolder({ "meteor/meteor-1.5.jar": METEOR });
    const { value, lines } = await runScore(FILES, "--java-metrics", folder);
    expect(value.metrics).not.toHaveProperty("spice");
    expect(value).toMatchObject({ absent: [{ metric: "spice", file: "spice/spice-1.0.jar" }] });
    expect(lines.at(-1)).toBe(`SPICE left out: ${folder} has no spice/spice-1.0.jar`);
  });

  it("SPICE is told the same, and its F-scores are taken by image", async () => {
    const folder = await toolFolder({ "spice/spice-1.0.jar": spice("0.25") });
    const { value } = await runScore(FILES, "--per-image", "--java-metrics", folder);
    expect(value.metrics).toMatchObject({ spice: 0.375 });
    expect(value.perImage).toMatchObject([{ spice: 0.25 }, { spice: 0.5 }]);
    const told: unknown = JSON.parse(
      await readFile(path.join(folder, "spice", "told.json"), "utf8"),
    );
    expect(told).toEqual([
      { image_id: 0, test: "a dog", refs: ["a dog running", "one pup"] },
      { image_id: 1, test: "three red cats", refs: ["two cats"] },
    ]);
  });

  it("an image that SPICE knows nothing of leaves it without a mean, as in the reference", async () => {
    const folder = await toolFolder({ "spice/spice-1.0.jar": spice("NaN") });
    const { value, lines } = await runScore(FILES, "--per-image", "--java-metrics", folder);
    expect(value.metrics).toMatchObject({ spice: null });
    expect(value.perImage).toMatchObject([{ spice: null }, { spice: 0.5 }]);
    expect(lines[3]).toMatch(/ -$/);
  });

  it.each(["meteor/meteor-1.5.jar", "spice/spice-1.0.jar"] as const)(
    "%s that fails is named with its own words",
    async (jar) => {
      const folder = await toolFolder({ [jar]: BROKEN });
      await expect(runScore(FILES, "--java-metrics", folder)).rejects.toMatchObject({
        reason: "tool-missing",
        message: expect.stringMatching(/jar failed: .*IllegalStateException: no parser here$/),
      });
    },
  );

  it("without Java that is said", async () => {
    const folder = await toolFolder({ "meteor/meteor-1.5.jar": METEOR });
    vi.stubEnv("PATH", await temporaryFolder());
    onTestFinished(() => void vi.unstubAllEnvs());
    const refused = expect(runScore(FILES, "--java-metrics", folder)).rejects;
    await refused.toMatchObject({
      reason: "tool-missing",
      message: expect.stringContaining("no `java`"),
    });
  });
});

it("a folder with neither tool is refused", async () => {
  const folder = await temporaryFolder();
  await expect(runScore(FILES, "--java-metrics", folder)).rejects.toMatchObject({
    reason: "tool-missing",
    message: `${folder} has no meteor/meteor-1.5.jar for METEOR and no spice/spice-1.0.jar for SPICE`,
  });
});
