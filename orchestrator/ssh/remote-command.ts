import { shellLine } from "./shell-words.ts";

/** No longer than OpenSSH takes as one request and the kernel as one argument list. */
const SCRIPT_BYTES = 64 * 1024;
/** A multiple of four, so that no word begins with base64's `=`, which zsh would expand. */
const WORD_COLUMNS = 512;

/**
 * Programs for `/bin/sh -c`. The nonce is the first argument, the script follows in base64. Neither
 * holds a backslash, a newline, `!` or `'`: between single quotes they mean the same to sh, bash,
 * zsh, csh, tcsh and fish.
 */
const UNPACK = `n=$1; shift; s=$(printf %s "$@" | base64 -d) || exit 1; shift $#; `;
const BEGIN = `echo "<begin:$n>"; echo "<begin:$n>" >&2; `;
const RUN = `${UNPACK}${BEGIN}/bin/sh -c "$s"; r=$?; printf "<end:%s:%s>" "$n" "$r"; `;
const RUN_MARKED = `${RUN}printf "<end:%s:%s>" "$n" "$r" >&2`;
const STREAM_MARKED = `${UNPACK}${BEGIN}exec /bin/sh -c "$s"`;

export interface RemoteCommand {
  /** A POSIX shell text. */
  script: string;
  /** Unguessable, so that no output can be taken for a marker: hexadecimal digits. */
  nonce: string;
}

/**
 * A command line that any login shell reads alike and that runs the script under `/bin/sh`. Both
 * outputs get `beginMarker` before the script's own, and `endMarker` with its status behind it.
 */
export function runCommandLine(command: RemoteCommand): string {
  return commandLine(RUN_MARKED, command);
}

/** As `runCommandLine`, but the script takes the shell's place, and there is no end marker. */
export function streamCommandLine(command: RemoteCommand): string {
  return commandLine(STREAM_MARKED, command);
}

function commandLine(program: string, { script, nonce }: RemoteCommand): string {
  if (script.includes("\0")) throw new Error("a remote script cannot hold a NUL");
  const bytes = Buffer.from(script);
  if (bytes.length > SCRIPT_BYTES) {
    throw new Error(`a remote script has ${bytes.length} bytes, of ${SCRIPT_BYTES} allowed`);
  }
  const packed = bytes.toString("base64").match(new RegExp(`.{1,${WORD_COLUMNS}}`, "g")) ?? [];
  return `exec /bin/sh -c ${shellLine([program])} qsweep ${[nonce, ...packed].join(" ")}`;
}

/** What stands before a script's own output. */
export function beginMarker(nonce: string): string {
  return `<begin:${nonce}>\n`;
}

/** What stands behind a script's own output; its group is the exit status. */
export function endPattern(nonce: string): RegExp {
  return new RegExp(`<end:${nonce}:(\\d{1,3})>`);
}

/** A script's own output and status, or null while the markers are not all there. */
export function betweenMarkers(
  output: Buffer,
  nonce: string,
): { bytes: Buffer; status: number } | null {
  const begin = output.indexOf(beginMarker(nonce));
  if (begin === -1) return null;
  const bytes = output.subarray(begin + beginMarker(nonce).length);
  const end = bytes.lastIndexOf(`<end:${nonce}:`);
  if (end === -1) return null;
  const status = endPattern(nonce).exec(bytes.toString("latin1", end))?.[1];
  return status === undefined ? null : { bytes: bytes.subarray(0, end), status: Number(status) };
}
