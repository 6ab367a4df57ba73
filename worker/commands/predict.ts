import type { Command } from "commander";
import { Failure } from "../contract/failure.ts";
import { type CaptioningOptions, withCaptioningOptions } from "./captioning-options.ts";
import { type CommandOutput, helpExample, type Report } from "./command-report.ts";
import { withEngine } from "./engine-process.ts";

interface PredictOptions extends CaptioningOptions {
  dataset: string;
  split: string;
  out: string;
  force?: true;
}

const SWEEP_HELP = `
In place of --model and --adapter, the name or file of a launched sweep may stand first: its best
checkpoint captions, on its data set and with its decode settings unless options say otherwise.`;

/** Adds `predict`. The engine and the model are loaded only when it runs. */
export function registerPredictCommand(program: Command, output: CommandOutput): void {
  const command = program
    .command("predict [sweep]")
    .usage("[sweep] [options]")
    .description("caption each image of a split: writes the submission file that EvalAI takes")
    .addHelpText("after", SWEEP_HELP)
    .addHelpText("after", helpExample("predict vizwiz-blip --split test --out submission.json"));
  withCaptioningOptions(command)
    .requiredOption("--dataset <root>", "folder with annotations/<split>.json and images")
    .option("--split <name>", "the split to caption", "test")
    .requiredOption("--out <file>", "the submission file to write: a list of {image_id, caption}")
    .option("--force", "replace the file if it exists")
    .action(async (sweep: string | undefined, options: PredictOptions) => {
      if (sweep !== undefined) throw misplaced(sweep);
      output.show(await withEngine(() => predict(options, output), output));
    });
}

/** The orchestrator has put options in the place of a sweep that stands before them. */
function misplaced(sweep: string): Failure {
  return new Failure({
    reason: "usage",
    message: `predict takes a sweep before its options; "${sweep}" stands after them`,
    remedy: `say: qsweep predict ${sweep} --out FILE`,
  });
}

async function predict(options: PredictOptions, { progress }: CommandOutput): Promise<Report> {
  const { dataset: root, split, out: file } = options;
  const { checkTarget, writeSubmission } = await import("../data/submission-file.ts");
  const { annotationFile, readSplitImages } = await import("../data/caption-dataset.ts");
  const { captionImages } = await import("./captioning.ts");
  const target = { file, replace: options.force === true };
  checkTarget(target);
  const images = await readSplitImages({ root, split });
  progress(`reading the ${images.length} images of split ${split}`);
  const captioned = await captionImages(images, options, progress);
  const entries = captioned.map(({ image, caption }) => ({ image_id: image.id, caption }));
  await writeSubmission(entries, { root, split }, target);
  const checked = `each image once, checked against ${annotationFile(root, split)}`;
  return {
    value: { file, split, images: entries.length },
    lines: [`${file}: ${entries.length} captions of split ${split} (${checked})`],
  };
}
