import { gridFailure, isUnanswered } from "../sge/grid-failure.ts";
import { verdictOf } from "../sge/qsub-answer.ts";
import type { ResourceRequest } from "../sweep/arm.ts";
import type { ClusterSite } from "../sweep/site-config.ts";
import type { Section } from "./probe-sections.ts";
import { ok, problem, said, type SiteCheck, warning } from "./site-check.ts";

type Sections = ReadonlyMap<string, Section>;

const NOT_TOLD = "qconf does not tell; see the request";

/** What Grid Engine offers: an answer, the project, slots, GPUs, limits, and its own verdict. */
export function gridChecks(
  sections: Sections,
  { sge }: Pick<ClusterSite, "sge">,
  requests: readonly { name: string; request: ResourceRequest }[],
): SiteCheck[] {
  const queue = sections.get("queue");
  if (!queue || queue.status !== 0) return [unanswered(queue)];
  const { project, parallelEnvironment } = sge;
  return [
    ok("scheduler", "the qmaster answers"),
    project === null
      ? ok("project", "none: the cluster's default")
      : knownCheck("project", project, sections.get("project")),
    parallelEnvironment === null
      ? warning(
          "parallel environment",
          "none: a grid job gets one slot",
          "Name one for several slots as `sge.parallel_environment`.",
        )
      : knownCheck("parallel environment", parallelEnvironment, sections.get("environment")),
    resourceCheck(sge.gpuResource, sections.get("resources")),
    ...limitChecks(sections),
    ...requests.map(({ name, request }) => {
      return verdictCheck(name, request, sections.get(`verify:${name}`));
    }),
  ];
}

function unanswered(section: Section | undefined): SiteCheck {
  const output = section?.output ?? "";
  if (section?.status === 124) {
    return problem("scheduler", "the qmaster gave no answer in time", "Try again later.");
  }
  return problem(
    "scheduler",
    `qstat does not answer: ${said(output)}`,
    /commlib|qmaster/.test(output)
      ? "The qmaster is away: try again later."
      : "Let `qstat` work in a non-interactive shell by a line of `setup`.",
  );
}

function knownCheck(check: string, name: string, section: Section | undefined): SiteCheck {
  if (section?.status === 0) return ok(check, name);
  const output = section?.output ?? "";
  if (/is not (?:known as )?a\b/.test(output)) {
    const list = check === "project" ? "qconf -sprjl" : "qconf -spl";
    return problem(check, said(output), `Correct it in the site's file; \`${list}\` lists them.`);
  }
  return ok(check, `${name} (${NOT_TOLD})`);
}

function resourceCheck(name: string, section: Section | undefined): SiteCheck {
  const check = "gpu resource";
  if (section?.status !== 0) return ok(check, `${name} (${NOT_TOLD})`);
  const rows = section.output.split("\n").map((line) => line.trim().split(/\s+/));
  const row = rows.find(([full, shortcut]) => full === name || shortcut === name);
  if (!row) {
    const like = rows.flatMap(([full = ""]) => (/gpu/i.test(full) ? [full] : []));
    const hint = like.length === 0 ? "`qconf -sc` lists them" : `there are ${like.join(", ")}`;
    return problem(check, `there is no resource ${name}`, `Set \`sge.gpu_resource\`: ${hint}.`);
  }
  // Columns of qconf -sc: name shortcut type relop requestable consumable default urgency.
  if (row[5] === "YES") {
    return warning(
      check,
      `${name} counts once for each slot: 4 slots with ${name}=1 take 4`,
      "Ask for one slot, or for fewer GPUs, in `resources`.",
    );
  }
  return ok(check, name);
}

function limitChecks(sections: Sections): SiteCheck[] {
  const limits = sections.get("limits");
  if (limits?.status !== 0) return [ok("limits", NOT_TOLD)];
  const limit = (name: string): number => {
    return Number(new RegExp(`^${name}\\s+(\\d+)`, "m").exec(limits.output)?.[1] ?? 0);
  };
  const [jobs, tasks] = [limit("max_u_jobs"), limit("max_aj_tasks")];
  const own = ownJobs(sections.get("queue")?.output ?? "");
  const times = queueTimes(sections.get("queues"));
  const shown = [
    jobs === 0 ? "jobs a user: any" : `jobs a user: ${own} of ${jobs}`,
    `tasks an array: ${tasks === 0 ? "any" : tasks}`,
    ...(times === "" ? [] : [`walltime: up to ${times}`]),
  ].join(", ");
  if (jobs === 0 || own < jobs) return [ok("limits", shown)];
  return [
    problem(
      "limits",
      `you have ${own} grid jobs, and ${jobs} are allowed per user`,
      "Wait until some have ended, or delete some with qdel.",
    ),
  ];
}

/** Grid jobs in a plain qstat: a row a task, so numbers repeat. */
function ownJobs(output: string): number {
  return new Set(output.split("\n").flatMap((line) => /^\s*(\d+)\s/.exec(line)?.[1] ?? [])).size;
}

/** The longest h_rt of any queue, in Grid Engine's words. */
function queueTimes(section: Section | undefined): string {
  const times = (section?.output ?? "").split("\n").flatMap((line) => {
    const time = /^h_rt\s+(\S+)/.exec(line)?.[1];
    return time === undefined ? [] : [time];
  });
  if (times.includes("INFINITY")) return "any";
  return times.toSorted((one, other) => seconds(other) - seconds(one))[0] ?? "";
}

function seconds(time: string): number {
  return time.split(":").reduce((sum, part) => sum * 60 + (Number(part) || 0), 0);
}

function verdictCheck(
  name: string,
  { gpus, slots, walltime }: ResourceRequest,
  section: Section | undefined,
): SiteCheck {
  const check = `request of a ${name}`;
  const shown = `${gpus} GPUs, ${slots} slots, ${walltime}`;
  if (!section) {
    return problem(check, `${shown}: not asked`, "Mend the set-up lines first.");
  }
  const verdict = verdictOf(section.output);
  if (verdict?.runnable) return ok(check, `${shown}: a queue fits`);
  if (verdict) {
    const reasons = verdict.reasons.join("; ") || "no suitable queues";
    return problem(
      check,
      `${shown}: no host can ever run it: ${reasons}`,
      "Ask for less in `resources` of the sweep, or correct `sge` in the site's file.",
    );
  }
  const answer = { status: section.status ?? 1, stdout: "", stderr: section.output };
  if (section.status === 124 || isUnanswered(answer)) {
    return problem(check, `${shown}: the qmaster gave no answer`, "Try again later.");
  }
  const { message, remedy } = gridFailure("qsub", answer);
  return problem(check, message, remedy);
}
