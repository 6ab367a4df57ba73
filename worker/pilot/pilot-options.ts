import { z } from "zod";
import { type BrokerSettings, brokerSettings } from "../broker/broker-settings.ts";
import { GpuRule } from "./gpu-rule.ts";
import type { PilotSettings } from "./pilot.ts";

const seconds = z.coerce.number().min(0);

const Options = z.object({
  sweep: z.string(),
  pool: z.string(),
  submission: z.string(),
  name: z.string(),
  threads: z.coerce.number().int().positive(),
  "sign-off": z.string(),
  "walltime-seconds": seconds.optional(),
  "elapsed-seconds": seconds.default(0),
  "margin-seconds": seconds.default(0),
  "broker-wait-seconds": seconds.optional(),
  gpus: z.coerce.number().int().min(0).optional(),
  "gpu-rule": GpuRule.default("auto"),
  "features-limit-bytes": z.coerce.number().min(0),
});

/** What a command line says of a pilot; its process adds the rest. */
export type PilotOptions = Omit<PilotSettings, "leaving" | "log">;

/**
 * A pilot's settings as `worker/main.ts` is given them; a wrong option is a bug of who built the
 * line. Without a walltime its slice never ends; without `--gpus` it leaves GPUs as they are.
 */
export function pilotOptions(options: Readonly<Record<string, unknown>>): PilotOptions {
  const values = Options.parse(options);
  const { sweep, pool, submission, name, threads, gpus } = values;
  const walltimeSeconds = values["walltime-seconds"];
  return {
    ...waiting(brokerSettings(options), values["broker-wait-seconds"]),
    sweep,
    pool,
    submission,
    name,
    threads,
    signOffFile: values["sign-off"],
    slice:
      walltimeSeconds === undefined
        ? null
        : {
            walltimeSeconds,
            elapsedSeconds: values["elapsed-seconds"],
            marginSeconds: values["margin-seconds"],
          },
    featuresLimitBytes: values["features-limit-bytes"],
    gpus: gpus === undefined ? null : { count: gpus, rule: values["gpu-rule"] },
  };
}

function waiting(broker: BrokerSettings, waitSeconds: number | undefined): BrokerSettings {
  return waitSeconds === undefined ? broker : { ...broker, waitSeconds };
}
