// Stands for the trainer in tests of the pilot: `stub-trainer.mjs [OPTIONS] TRIAL-DIRECTORY ATTEMPT`
// writes how it was called to `call.json` of its attempt and does what `stub.json` of the trial
// says: sends `events`, then either writes `exit`, after `result` if there is one, or waits to be
// told to stop and hands back.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

const [trialDirectory = "", attempt = ""] = process.argv.slice(-2);
const directory = path.join(trialDirectory, "attempts", attempt);
const {
  events = [],
  exit = null,
  result = null,
} = JSON.parse(readFileSync(path.join(trialDirectory, "stub.json"), "utf8"));

function write(name, value) {
  writeFileSync(path.join(directory, name), JSON.stringify(value));
}

function end(record) {
  write("exit.json", { version: 1, step: 1, ...record });
  process.exit(0);
}

process.on("message", ({ why }) => {
  end(why === "superseded" ? { outcome: why } : { outcome: "handed-back", why });
});
process.on("disconnect", () => process.exit(1));
mkdirSync(directory, { recursive: true });
write("call.json", {
  options: process.argv.slice(2, -2),
  devices: process.env["CUDA_VISIBLE_DEVICES"] ?? null,
  threads: process.env["TF_NUM_INTEROP_THREADS"],
});
for (const event of events) process.send({ type: "event", event });
if (result) write("result.json", { ...result, attempt: Number(attempt) });
if (exit) end(exit);
