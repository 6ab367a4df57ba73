import { z } from "zod";
import { brokerSettings } from "./broker-settings.ts";
import type { BrokerRun } from "./run-broker.ts";

/** Redis writes its data all along: it needs little time to end, also on a slow file system. */
const MAX_MARGIN_SECONDS = 60;
const MARGIN_OF_WALLTIME = 0.1;

const Options = z.object({
  submission: z.string(),
  "walltime-seconds": z.coerce.number().positive(),
  "elapsed-seconds": z.coerce.number().min(0).default(0),
});

/** The settings of a broker's task as `worker/main.ts` is given them. */
export function brokerRunOptions(
  options: Readonly<Record<string, unknown>>,
): Omit<BrokerRun, "leaving" | "log"> {
  const values = Options.parse(options);
  const walltimeSeconds = values["walltime-seconds"];
  return {
    ...brokerSettings(options),
    submission: values.submission,
    walltimeSeconds,
    elapsedSeconds: values["elapsed-seconds"],
    marginSeconds: Math.min(MAX_MARGIN_SECONDS, MARGIN_OF_WALLTIME * walltimeSeconds),
  };
}
