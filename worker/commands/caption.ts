import type { Command } from "commander";
import { type CaptioningOptions, withCaptioningOptions } from "./captioning-options.ts";
import { type CommandOutput, helpExample, type Report } from "./command-report.ts";
import { withEngine } from "./engine-process.ts";

/** Adds `caption`. The engine and the model are loaded only when it runs. */
export function registerCaptionCommand(program: Command, output: CommandOutput): void {
  const command = program
    .command("caption <image...>")
    .description("caption image files with a model")
    .addHelpText("after", helpExample("caption --model models/blip --num-beams 3 photo.jpg"));
  withCaptioningOptions(command).action(async (images: string[], options: CaptioningOptions) => {
    output.show(await withEngine(() => captionFiles(images, options, output), output));
  });
}

async function captionFiles(
  files: string[],
  options: CaptioningOptions,
  { progress }: CommandOutput,
): Promise<Report> {
  const { captionImages } = await import("./captioning.ts");
  const images = files.map((file) => ({ file }));
  const captioned = await captionImages(images, options, progress);
  const width = Math.max("image".length, ...files.map((file) => file.length));
  return {
    value: captioned.map(({ image, ids, caption }) => ({ image: image.file, ids, caption })),
    lines: [
      `${"image".padEnd(width)}  caption`,
      ...captioned.map(({ image, caption }) => `${image.file.padEnd(width)}  ${caption}`),
    ],
  };
}
