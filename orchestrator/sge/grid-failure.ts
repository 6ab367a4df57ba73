import { Failure } from "../../worker/contract/failure.ts";
import type { CommandResult } from "../ports/remote-host.ts";

/** How Grid Engine's commands word it that they could not ask; what they do then is unknown. */
const NO_ANSWER = [
  /commlib error/,
  /unable to (?:contact|send message to|receive message from|initialize)/,
  /got (?:select|read|send) error/,
  /failed receiving gdi request/,
  /can't (?:connect|get connection)/,
];

/** Of these, the ones after which nothing can have reached the qmaster. */
const NOT_SENT = /got (?:select|send) error|unable to contact/;

/** Over `max_u_jobs` or `max_jobs`; qsub ends with 25 then. */
const LIMIT = /only \d+ jobs? (?:is|are) allowed/;
const LIMIT_STATUS = 25;

/** As shells and `timeout` say that there is no such program. */
const NOT_FOUND_STATUS = 127;

const REMEDIES: [RegExp, string][] = [
  [/requested project/, "Set `sge.project` in the site's file; `qconf -sprjl` lists projects."],
  [
    /parallel environment/,
    "Set `sge.parallel_environment` in the site's file; `qconf -spl` lists them.",
  ],
  [
    /unknown resource/,
    "Set `sge.gpu_resource` and `sge.directives` in the site's file; `qconf -sc` lists resources.",
  ],
  [/not a \w+ value/, "Correct `resources` in the sweep, or `sge.directives` in the site's file."],
  [/no suitable queues/, "Ask for less in `resources`: no host of the cluster offers this."],
  [/invalid option/, "Correct `sge.directives` in the site's file: one qsub option an entry."],
  [/no submit host|not a submit host/, "Set `ssh.host` in the site's file to a login host."],
];

/** Whether the command got no answer. A failure of that kind says nothing about any grid job. */
export function isUnanswered({ stdout, stderr }: CommandResult): boolean {
  return NO_ANSWER.some((pattern) => pattern.test(stderr) || pattern.test(stdout));
}

/** Whether a failed command surely changed nothing. */
export function isUnsent(result: CommandResult): boolean {
  return !isUnanswered(result) || NOT_SENT.test(result.stderr);
}

/** A failed command of Grid Engine as one line of its own words, with what to do about it. */
export function gridFailure(program: string, result: CommandResult): Failure {
  const said = saidBy(result);
  if (isUnanswered(result)) return unreachable(`${program}: ${said}`);
  if (result.status === NOT_FOUND_STATUS || /variable SGE_ROOT/.test(said)) {
    return new Failure({
      reason: "tool-missing",
      message: `${program} cannot be run on the login host: ${said}`,
      remedy: "Name Grid Engine's settings.sh, or what puts qsub on PATH, in the site's file.",
    });
  }
  if (result.status === LIMIT_STATUS || LIMIT.test(said)) {
    return new Failure({
      reason: "scheduler-refused",
      message: `${program} was refused by a limit: ${said}`,
      remedy: "Nothing was submitted. Launch again when some of your grid jobs have ended.",
    });
  }
  const remedy = REMEDIES.find(([pattern]) => pattern.test(said))?.[1];
  return new Failure({
    reason: "scheduler-refused",
    message: `${program} was refused: ${said}`,
    remedy: remedy ?? "Correct the site's file by what Grid Engine says.",
  });
}

/** The scheduler gave no answer: what it would have said is unknown. */
export function unreachable(message: string, cause?: unknown): Failure {
  return new Failure({
    reason: "scheduler-unreachable",
    message,
    remedy: "Pilots go on meanwhile. Try again in a few minutes; `qstat` there shows the state.",
    cause,
  });
}

/** An impossible request, with the scheduler's reasons. */
export function impossible(reasons: readonly string[]): Failure {
  return new Failure({
    reason: "scheduler-refused",
    message: `no host can ever run this request: ${reasons.join("; ") || "no suitable queues"}`,
    remedy: "Correct `resources` in the sweep, or `sge` in the site's file.",
  });
}

/** What the command printed as one line, without what every refusal says. */
function saidBy({ status, stdout, stderr }: CommandResult): string {
  const text = stderr.trim() === "" ? stdout : stderr;
  const lines = text
    .split("\n")
    .map((line) => line.trim().replace(/^(?:Unable to run job: |error: )+/, ""))
    .filter((line) => line !== "" && line !== "Exiting.");
  return [...new Set(lines)].join("; ") || `it ended with status ${status} and said nothing`;
}
