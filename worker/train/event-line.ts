import type { TrialEvent } from "../contract/trial-event.ts";
import type { AttemptExit } from "../contract/trial-files.ts";

/** An event as a line of the attempt's log, or null for those too frequent to be read there. */
export function eventLine(event: TrialEvent): string | null {
  const time = event.time.slice(0, "2000-01-01T00:00:00".length).replace("T", " ");
  const text = describe(event);
  return text === null ? null : `${time}Z  ${text}`;
}

/** How an attempt ended, as the last line of its log. */
export function exitLine(exit: AttemptExit): string {
  switch (exit.outcome) {
    case "finished":
      return `finished after ${exit.step} steps`;
    case "handed-back":
      return `handed back at step ${exit.step} (${exit.why})`;
    case "superseded":
      return `stopped at step ${exit.step}: another attempt has taken over`;
    case "failed":
      return `failed at step ${exit.step}: ${exit.failure.reason}: ${exit.failure.message}`;
    default:
      return exit satisfies never;
  }
}

function describe(event: TrialEvent): string | null {
  switch (event.type) {
    case "started":
      return startedText(event);
    case "image-skipped":
      return `skipped image ${event.file}: ${event.problem}`;
    case "checkpoint-refused":
      return `refused checkpoint ${event.path}: ${event.problem}`;
    case "validated":
      return (
        `epoch ${event.epoch + 1}: CIDEr-D ${event.metrics.cider.toFixed(4)}` +
        ` on ${event.images} images` +
        (event.loss === null ? "" : `, mean training loss ${event.loss.toFixed(4)}`)
      );
    case "checkpoint":
      return `checkpoint ${event.path}: ${event.bytes} bytes in ${event.seconds.toFixed(1)} s`;
    case "encoded":
      return encodedText(event);
    case "feature-damaged":
      return `removed from the encoder cache: ${event.problem}`;
    case "encoding":
    case "step":
    case "validating":
      return null;
    default:
      return event satisfies never;
  }
}

function encodedText(event: Extract<TrialEvent, { type: "encoded" }>): string {
  const { images, stored, encoded, read_seconds, encode_seconds, unused } = event;
  const read = read_seconds === null ? [] : [`reading takes ${inMilliseconds(read_seconds)}`];
  return [
    `encoder cache: ${stored} of ${images} images stored, ${encoded} of them by this trial`,
    ...read,
    `encoding ${inMilliseconds(encode_seconds)} an image`,
    ...(unused === null ? [] : [`images are encoded each time: ${unused}`]),
  ].join("; ");
}

function inMilliseconds(seconds: number): string {
  return `${(seconds * 1000).toFixed(1)} ms`;
}

function startedText(event: Extract<TrialEvent, { type: "started" }>): string {
  const { engine, epochs, steps, images } = event;
  const counts = Object.entries(images).map(([split, count]) => `${count} ${split} images`);
  const start =
    event.resumed_from === null
      ? "started"
      : `resumed at step ${event.step} from ${event.resumed_from}`;
  return (
    `${start}: ${epochs} epochs, ${steps} steps, ${counts.join(", ")};` +
    ` engine ${engine.engine} on ${engine.device}, ${engine.threads} threads`
  );
}
