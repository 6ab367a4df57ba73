// A Grid Engine of one machine, in a folder: qsub, qstat, qdel and qacct as the real ones answer
// them, with a process for each running task. usage: grid-engine.mjs STATE PROGRAM ARGUMENT...
import { spawn } from "node:child_process";
import {
  appendFileSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const HOST = "gpu1";
const LOOK_MILLISECONDS = 50;
const KILLED = 137;
const SAMPLES = fileURLToPath(new URL("../../fixtures/sge-samples/", import.meta.url));

const [state = "", program = "", ...words] = process.argv.slice(2);
const jobs = path.join(state, "jobs");
const accounting = path.join(state, "accounting");

/** @param {string} text */
function print(text) {
  process.stdout.write(text);
}

/**
 * Ends as a captured command did, with its words.
 * @param {string} sample
 * @param {(text: string) => string} [edit]
 */
function answerAs(sample, edit = (text) => text) {
  const text = edit(readFileSync(path.join(SAMPLES, `${sample}.txt`), "utf8"));
  const printed = text.replace(/^\$ .*\n/, "").replace(/^--- exit \d+\n?/m, "");
  const [stdout = "", stderr = ""] = printed.split(/^--- stderr\n/m);
  print(stdout);
  process.stderr.write(stderr);
  process.exit(Number(/^--- exit (\d+)$/m.exec(text)?.[1] ?? 0));
}

/** @param {string} file */
function readJson(file) {
  return JSON.parse(readFileSync(file, "utf8"));
}

/** @param {string} file @param {object} value */
function writeJson(file, value) {
  writeFileSync(`${file}.tmp`, JSON.stringify(value));
  renameSync(`${file}.tmp`, file);
}

/** The fault that a test has prepared for this call; each is used up by it. */
function nextFault() {
  const folder = path.join(state, "faults");
  const [first] = readdirSync(folder)
    .filter((name) => name.startsWith(`${program}-`))
    .toSorted();
  if (first === undefined) return null;
  const file = path.join(folder, first);
  renameSync(file, `${state}/used-${first}`);
  return readFileSync(`${state}/used-${first}`, "utf8");
}

/** `#$` lines: one pair of quotes keeps blanks. @param {string} script */
function embeddedOptions(script) {
  return script.split("\n").flatMap((line) => {
    if (!line.startsWith("#$ ")) return [];
    return [...line.slice(3).matchAll(/"([^"]*)"|(\S+)/g)].map(
      ([, quoted, bare]) => quoted ?? bare ?? "",
    );
  });
}

/** @param {string[]} options */
function requestOf(options) {
  const request = {
    name: "",
    first: 1,
    last: 1,
    atOnce: 0,
    isArray: false,
    isHeld: false,
    usesPe: false,
    slots: 1,
    wd: process.cwd(),
  };
  const resources = /** @type {Record<string, string>} */ ({});
  let out = "";
  let verify = "";
  for (let index = 0; index < options.length; index += 1) {
    const value = options[index + 1] ?? "";
    switch (options[index]) {
      case "-N":
        request.name = value;
        break;
      case "-t":
        request.isArray = true;
        [request.first = 1, request.last = request.first] = value.split("-").map(Number);
        break;
      case "-tc":
        request.atOnce = Number(value);
        break;
      case "-wd":
        request.wd = value;
        break;
      case "-o":
        out = value;
        break;
      case "-w":
        verify = value;
        break;
      case "-h":
        request.isHeld = true;
        break;
      case "-pe":
        if (value !== "omp") answerAs("err-pe", (text) => text.replace('"nope"', `"${value}"`));
        request.usesPe = true;
        request.slots = Number(options[index + 2]);
        break;
      case "-P":
        if (value !== "ds598")
          answerAs("err-project", (text) => text.replace('"nope"', `"${value}"`));
        break;
      case "-l":
        for (const part of value.split(",")) {
          const [name = "", amount = ""] = part.split("=");
          if (!/^(?:gpus|h_rt|gpu_c)$/.test(name)) {
            answerAs("err-resource", (text) => text.replace('"nope"', `"${name}"`));
          }
          resources[name] = amount;
        }
        break;
      default:
    }
  }
  return { ...request, resources, out, verify };
}

function qsub() {
  // Faults are for submissions: what is only verified uses up none.
  const fault = words.includes("-w") ? null : nextFault();
  if (fault?.startsWith("sample ")) answerAs(fault.slice(7).trim());
  if (fault === "limit") {
    process.stderr.write(
      "Unable to run job: job rejected: only 8 jobs are allowed per user (current job count: 8)\nExiting.\n",
    );
    process.exit(25);
  }
  if (fault === "cut before") process.exit(KILLED);
  const file = words.at(-1) ?? "";
  if (!existsSync(file)) answerAs("err-no-script");
  const script = readFileSync(file, "utf8");
  const request = requestOf([...embeddedOptions(script), ...words.slice(0, -1)]);
  const tooMany = Number(request.resources["gpus"] ?? 0) > 2;
  if (request.verify === "v") {
    if (tooMany && request.usesPe) {
      const said = 'Job 28 cannot run in PE "omp" because it only offers 0 slots';
      process.stderr.write(
        `Unable to run job: ${said}\nverification: no suitable queues\nExiting.\n`,
      );
      process.exit(1);
    }
    if (tooMany) answerAs("unsatisfiable-verify");
    print("verification: found suitable queue(s)\n");
    return;
  }
  const id = newJob();
  const folder = path.join(jobs, id);
  writeFileSync(path.join(folder, "script"), script);
  const isError = !existsSync(request.wd);
  const waits = tooMany || isError || request.isHeld;
  writeJson(path.join(folder, "job.json"), { ...request, id, isError, waits });
  if (!waits) startMaster(id);
  if (fault === "cut after") process.exit(KILLED);
  if (fault === "banner") print("Welcome to the cluster. 12 jobs run.\n");
  const array = request.isArray ? `.${request.first}-${request.last}:1` : "";
  print(`${id}${array}\n`);
}

function newJob() {
  for (let id = 1; ; id += 1) {
    try {
      mkdirSync(path.join(jobs, String(id)));
      return String(id);
    } catch {
      // Taken.
    }
  }
}

/** @param {string} id */
function startMaster(id) {
  const own = [fileURLToPath(import.meta.url), state, "master", id];
  spawn(process.execPath, own, { detached: true, stdio: "ignore" }).unref();
}

/** Runs the tasks of a grid job, as many at once as it says. @param {string} id */
function master(id) {
  const folder = path.join(jobs, id);
  const job = readJson(path.join(folder, "job.json"));
  let next = job.first;
  let running = 0;
  const look = setInterval(() => {
    const deleted = existsSync(path.join(folder, "deleted"));
    const last = deleted ? 0 : job.last;
    const most = job.atOnce || Number.POSITIVE_INFINITY;
    for (; running < most && next <= last; next += 1) {
      running += 1;
      runTask({ job, task: next }, () => (running -= 1));
    }
    if (running === 0 && (deleted || next > job.last)) {
      clearInterval(look);
      writeFileSync(path.join(folder, "over"), "");
    }
  }, LOOK_MILLISECONDS);
}

/** @param {{job: any, task: number}} what @param {() => void} ended */
function runTask({ job, task }, ended) {
  const folder = path.join(jobs, job.id);
  const file = path.join(folder, `task-${task}.json`);
  const taskId = job.isArray ? String(task) : "undefined";
  const log = job.out.replaceAll("$JOB_ID", job.id).replaceAll("$TASK_ID", taskId);
  const output = openSync(log || "/dev/null", "a");
  const child = spawn("/bin/bash", ["-l", path.join(folder, "script")], {
    cwd: job.wd,
    detached: true,
    stdio: ["ignore", output, output],
    env: {
      PATH: process.env["PATH"],
      // What the profile of who runs the tests does is no part of them.
      HOME: "/nonexistent",
      JOB_ID: job.id,
      JOB_NAME: job.name,
      SGE_TASK_ID: taskId,
      NSLOTS: String(job.slots),
      HOSTNAME: HOST,
      RESTARTED: "0",
      ENVIRONMENT: "BATCH",
    },
  });
  closeSync(output);
  const start = Date.now();
  writeJson(file, { pid: child.pid, start });
  let limited = false;
  const seconds = timeSeconds(job.resources.h_rt);
  const look = setInterval(() => {
    const deleted = existsSync(path.join(folder, "deleted"));
    limited ||= seconds > 0 && Date.now() - start >= seconds * 1000;
    if ((deleted || limited) && child.pid) killGroup(child.pid);
  }, LOOK_MILLISECONDS);
  child.on("exit", (code) => {
    clearInterval(look);
    const killed = code === null;
    const failed = limited
      ? "37  : qmaster enforced h_rt, h_cpu, or h_vmem limit"
      : killed
        ? "100 : assumedly after job"
        : "0    ";
    const status = killed ? "137                  (Killed)" : `${code}                   `;
    writeRecord({ job, task: taskId, failed, status, start, end: Date.now() });
    writeJson(file, { pid: child.pid, start, isOver: true });
    ended();
  });
}

/** @param {number} pid */
function killGroup(pid) {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // Gone meanwhile.
  }
}

/** @param {string | undefined} text */
function timeSeconds(text) {
  return (text ?? "0").split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
}

/** @param {any} record */
function writeRecord({ job, task, failed, status, start, end }) {
  const asked = Object.entries(job.resources).map(([name, value]) => `${name}=${value}`);
  const lines = [
    "==============================================================",
    "qname        gpu.q               ",
    `hostname     ${HOST}                `,
    `jobname      ${job.name}`,
    `jobnumber    ${job.id}`,
    `taskid       ${task}`,
    `start_time   ${accountingTime(start)}`,
    `end_time     ${accountingTime(end)}`,
    `failed       ${failed}`,
    `exit_status  ${status}`,
    `ru_wallclock ${Math.round((end - start) / 1000)}s`,
    `category     ${asked.length > 0 ? `-l ${asked.join(",")}` : "NONE"}`,
  ];
  appendFileSync(accounting, `${lines.join("\n")}\n`);
}

/** @param {number} time */
function accountingTime(time) {
  const [day, month, date, year, clock] = new Date(time).toString().split(" ");
  return `${day} ${month} ${date} ${clock} ${year}`;
}

function allJobs() {
  return readdirSync(jobs)
    .map((id) => path.join(jobs, id))
    .filter((folder) => existsSync(path.join(folder, "job.json")))
    .filter((folder) => !existsSync(path.join(folder, "over")))
    .map((folder) => ({ folder, job: readJson(path.join(folder, "job.json")) }));
}

function qstat() {
  const fault = nextFault();
  if (fault?.startsWith("sample ")) answerAs(fault.slice(7).trim());
  if (fault === "torn") return print("<?xml version='1.0'?>\n<job_info>\n  <queue_info>\n");
  if (fault === "silent") return;
  const running = [];
  const waiting = [];
  for (const { folder, job } of allJobs()) {
    const deleted = existsSync(path.join(folder, "deleted"));
    let next = job.first;
    for (; existsSync(path.join(folder, `task-${next}.json`)); next += 1) {
      const { isOver } = readJson(path.join(folder, `task-${next}.json`));
      const letters = deleted ? "dr" : "r";
      if (!isOver) running.push(rowXml(job, letters, job.isArray ? String(next) : null));
    }
    if (deleted || next > job.last) continue;
    const tasks = next === job.last ? String(next) : `${next}-${job.last}:1`;
    const letters = job.isError ? "Eqw" : job.isHeld ? "hqw" : "qw";
    waiting.push(rowXml(job, letters, job.isArray ? tasks : null));
  }
  print(`<?xml version='1.0'?>
<job_info  xmlns:xsd="http://arc.liv.ac.uk/repos/darcs/sge/source/dist/util/resources/schemas/qstat/qstat.xsd">
  <queue_info>
${running.join("")}  </queue_info>
  <job_info>
${waiting.join("")}  </job_info>
</job_info>
`);
}

/** @param {any} job @param {string} letters @param {string | null} tasks */
function rowXml(job, letters, tasks) {
  const isRunning = /r/.test(letters);
  const lines = [
    `    <job_list state="${isRunning ? "running" : "pending"}">`,
    `      <JB_job_number>${job.id}</JB_job_number>`,
    `      <JB_name>${job.name}</JB_name>`,
    `      <state>${letters}</state>`,
    `      <queue_name>${isRunning ? `gpu.q@${HOST}` : ""}</queue_name>`,
    `      <slots>${job.slots}</slots>`,
    ...(tasks === null ? [] : [`      <tasks>${tasks}</tasks>`]),
    "    </job_list>",
  ];
  return `${lines.join("\n")}\n`;
}

function qdel() {
  if (nextFault() === "down") answerAs("qmaster-down-qdel");
  let status = 0;
  for (const id of words) {
    const found = allJobs().find(({ job }) => job.id === id);
    if (found) {
      writeFileSync(path.join(found.folder, "deleted"), "");
      if (found.job.waits) writeFileSync(path.join(found.folder, "over"), "");
      print(`ds has registered the job ${id} for deletion\n`);
    } else {
      status = 1;
      print(`denied: job "${id}" does not exist\n`);
    }
  }
  process.exitCode = status;
}

function qacct() {
  const wanted = words.at(-1) ?? "";
  const text = existsSync(accounting) ? readFileSync(accounting, "utf8") : "";
  const records = text.split(/^(?======)/m).filter((record) => {
    return new RegExp(`^job(?:number|name) +${wanted}$`, "m").test(record);
  });
  if (records.length > 0) return print(records.join(""));
  answerAs("qacct-not-there", (sample) => sample.replaceAll("999999", wanted));
}

appendFileSync(path.join(state, "calls"), `${program} ${words.join(" ")}\n`);
const programs = { qsub, qstat, qdel, qacct, master: () => master(words[0] ?? "") };
programs[/** @type {keyof typeof programs} */ (program)]();
