// Sets a checkout up and runs `npm run demo`, `npm test` or `npm run check`. Plain JavaScript
// that imports nothing installed: it is the first thing to run in a bare clone. Each step sees for
// itself whether there is something to do and says nothing when there is not.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, lstatSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const BIN = path.join(ROOT, "node_modules", ".bin");
const QSWEEP = path.join(ROOT, "orchestrator", "qsweep.mjs");
const NODE_MINIMUM = [20, 19];
const ENDING = ["SIGINT", "SIGTERM", "SIGHUP"];

/** What `npm run check` runs, each with its title; it stops at the first that fails. */
const CHECKS = [
  ["format", "oxfmt", "--check", "."],
  ["lint", "oxlint", "--type-aware"],
  ["types", "tsc", "--noEmit", "-p", "test/tsconfig.json"],
  ["dead code", "knip"],
  ["tests", "vitest", "run"],
];

/** A command ended badly and has said why: only its status is left to hand on. */
class CommandFailed extends Error {
  constructor(status) {
    super(`ended with status ${status}`);
    this.status = status;
  }
}

/** Something the user must bring; shown as one line. */
class Missing extends Error {}

const targets = {
  async demo() {
    await prepare();
    const sweep = path.join("configs", "sweeps", "demo.yaml");
    await show(process.execPath, [QSWEEP, "launch", sweep, "--watch"]);
    await show(process.execPath, [QSWEEP, "best", sweep]);
  },

  async test(options) {
    await prepare();
    await show(bin("vitest"), ["run", ...options]);
  },

  async check(options) {
    await prepare();
    for (const [title, ...commandLine] of CHECKS) {
      if (title === "tests" && options.includes("--without-tests")) continue;
      say(`== ${title}: ${commandLine.join(" ")}`);
      const [tool, ...words] = commandLine;
      await show(bin(tool), words);
    }
  },
};

/** Packages, build, engine, Redis and the demo's pictures: all that a command or a test needs. */
async function prepare() {
  checkNode();
  await checkPython();
  await installPackages();
  await build();
  await installEngine();
  await fetchRedisServer();
  await drawDemoSet();
}

function checkNode() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > NODE_MINIMUM[0] || (major === NODE_MINIMUM[0] && minor >= NODE_MINIMUM[1])) return;
  throw new Missing(
    `Node ${NODE_MINIMUM.join(".")} or newer is needed, this is ${process.version}`,
  );
}

async function checkPython() {
  const { status } = await capture("python3", ["-m", "pip", "--version"]);
  if (status === 0) return;
  throw new Missing("python3 with pip is needed: `python3 -m pip --version` does not answer");
}

/** Installs the packages of the lockfile, and makes `npx qsweep` work in the checkout. */
async function installPackages() {
  const stamp = path.join(ROOT, "node_modules", ".qsweep-lock");
  const lock = readFileSync(path.join(ROOT, "package-lock.json"));
  const digest = createHash("sha256").update(lock).digest("hex");
  if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== digest) {
    const started = performance.now();
    say("installing packages: npm ci");
    await quietly("npm", ["ci", "--no-audit", "--no-fund"]);
    writeFileSync(stamp, digest);
    say(`packages installed (${secondsSince(started)})`);
  }
  const link = path.join(BIN, "qsweep");
  if (!lstatSync(link, { throwIfNoEntry: false })) symlinkSync(path.relative(BIN, QSWEEP), link);
}

/** The compiler itself knows what changed; where nothing did, it takes half a second. */
async function build() {
  const fresh = !existsSync(path.join(ROOT, "dist", "orchestrator", "main.js"));
  const started = performance.now();
  await quietly(bin("tsc"), []);
  if (fresh) say(`built (${secondsSince(started)})`);
}

async function installEngine() {
  const cli = path.join(ROOT, "dist", "worker", "cli.js");
  const started = performance.now();
  const install = ["engine", "install", "--json"];
  const { status, stdout } = await capture(process.execPath, [cli, ...install], "inherit");
  const { error, engine, tensorflow, because, changed } = JSON.parse(stdout || "{}");
  if (status !== 0) throw new Missing(error ? `${error.message}\n  ${error.remedy}` : "no engine");
  if (engine === "cpu") {
    say("engine: cpu (pure JavaScript), tens of times slower than a native TensorFlow");
    say(`no native engine, because: ${because}`);
  } else if (changed) {
    say(`engine: TensorFlow ${tensorflow} installed and checked (${secondsSince(started)})`);
  }
}

/** Has one fetched where the machine has none, so that nothing started later waits for it. */
async function fetchRedisServer() {
  const module = path.join(ROOT, "dist", "worker", "wheels", "redis-server.js");
  const { findRedisServer } = await import(pathToFileURL(module).href);
  await findRedisServer(undefined, say).catch((error) => {
    throw error.remedy ? new Missing(`${error.message}\n  ${error.remedy}`) : error;
  });
}

/** Where configs/sweeps/demo.yaml looks for it. */
async function drawDemoSet() {
  const directory = path.join(".qsweep", "data", "demo");
  if (existsSync(path.join(ROOT, directory))) return;
  const started = performance.now();
  await quietly(process.execPath, [QSWEEP, "demo-set", directory]);
  say(`demo pictures drawn (${secondsSince(started)})`);
}

function bin(tool) {
  return path.join(BIN, tool);
}

function say(line) {
  process.stderr.write(`${line}\n`);
}

function secondsSince(started) {
  return `${((performance.now() - started) / 1000).toFixed(1)} s`;
}

/** Runs a command whose output is shown as it comes. */
async function show(program, words) {
  const { status } = await run(program, words, { stdio: "inherit" });
  if (status !== 0) throw new CommandFailed(status);
}

/** Runs a command whose output is shown only when it fails. */
async function quietly(program, words) {
  const { status, stdout, stderr } = await capture(program, words);
  if (status === 0) return;
  say(`${stdout}${stderr}`.trimEnd());
  throw new CommandFailed(status);
}

function capture(program, words, stderr = "pipe") {
  return run(program, words, { stdio: ["ignore", "pipe", stderr] });
}

/** Runs a command in the checkout to its end; signals that end this process are handed on to it. */
function run(program, words, { stdio }) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, words, { cwd: ROOT, stdio });
    const output = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"]) {
      child[name]?.setEncoding("utf8").on("data", (text) => (output[name] += text));
    }
    let interrupted = null;
    const forward = (signal) => {
      interrupted = signal;
      child.kill(signal);
    };
    const settle = (act) => {
      for (const signal of ENDING) process.off(signal, forward);
      act();
    };
    for (const signal of ENDING) process.on(signal, forward);
    child.on("error", (error) => {
      settle(() => resolve({ ...output, status: 127, stderr: `${program}: ${error.message}` }));
    });
    child.on("close", (status) => {
      // Whatever the child made of the signal, nothing that was to follow shall start.
      if (interrupted) settle(() => reject(new CommandFailed(status || 130)));
      else settle(() => resolve({ ...output, status: status ?? 1 }));
    });
  });
}

const [name, ...options] = process.argv.slice(2);
try {
  const target = Object.hasOwn(targets, name ?? "") ? targets[name] : null;
  if (!target) throw new Missing(`usage: bootstrap.mjs ${Object.keys(targets).join("|")}`);
  await target(options);
} catch (error) {
  if (error instanceof Missing) say(`error: ${error.message}`);
  else if (!(error instanceof CommandFailed)) throw error;
  process.exitCode = error.status ?? 1;
}
