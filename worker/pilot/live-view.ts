import type { LiveTrial } from "../contract/live-trial.ts";
import type { TrialEvent } from "../contract/trial-event.ts";

/** What is seen of an attempt before its first event. */
export function startingView(
  attempt: number,
  { pilot, host }: { pilot: string; host: string },
): LiveTrial {
  const unknown = { epoch: null, epochs: null, step: null, steps: null, loss: null, cider: null };
  return { version: 1, attempt, pilot, host, phase: "starting", ...unknown, eta_seconds: null };
}

/** What is seen of an attempt after one more event. */
export function viewAfter(view: LiveTrial, event: TrialEvent): LiveTrial {
  switch (event.type) {
    case "started": {
      const { epochs, steps, step } = event;
      return { ...view, phase: "training", epochs, steps, step };
    }
    case "step": {
      const { epoch, step, loss, step_seconds: stepSeconds } = event;
      const left = view.steps === null ? null : (view.steps - step) * stepSeconds;
      return { ...view, phase: "training", epoch, step, loss, eta_seconds: left };
    }
    case "encoding":
      return { ...view, phase: "encoding" };
    case "validating":
      return { ...view, phase: "validating", epoch: event.epoch, step: event.step };
    case "validated":
      return { ...view, epoch: event.epoch, step: event.step, cider: event.metrics.cider };
    case "encoded":
    case "feature-damaged":
    case "image-skipped":
    case "checkpoint-refused":
    case "checkpoint":
      return view;
    default:
      return event satisfies never;
  }
}
