import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readdir, stat } from "node:fs/promises";
import path from "node:path";
import type { RemoteHost } from "../ports/remote-host.ts";
import { shellLine, shellWord } from "../ssh/shell-words.ts";
import { counted } from "./counted-stream.ts";
import { remoteFailure } from "./remote-failure.ts";

const ASK_SECONDS = 60;
const SEND_SECONDS = 24 * 3600;
/** Exit status of a far side that unpacked something else than was sent. */
const DAMAGED = 65;

export interface FolderSending {
  /** A folder of this machine. */
  from: string;
  /** Absolute, on the site; its name tells the content, so a folder that is there is the same. */
  to: string;
  onProgress: (line: string) => void;
}

/**
 * Sends a folder as one stream, links followed; it is there whole or not at all, also when several
 * send it or one is cut off. False where it was there. Throws Failure `disk-full`, `file-invalid`
 * or `site-not-ready`.
 */
export async function sendFolder(
  host: RemoteHost,
  { from, to, onProgress }: FolderSending,
): Promise<boolean> {
  const asked = await host.run(shellLine(["test", "-d", to]), { timeoutSeconds: ASK_SECONDS });
  if (asked.status === 0) return false;
  const { files, bytes } = await folderSize(from);
  const total = Math.ceil(bytes / 1e6);
  const name = path.basename(from);
  const tar = spawn("tar", ["-chf", "-", "-C", from, "."], { stdio: ["ignore", "pipe", "ignore"] });
  const stdin = counted(tar.stdout, (sent) =>
    onProgress(`sending ${name}: ${Math.round(sent / 1e6)} of ${total} MB`),
  );
  const { status, stderr } = await host.run(unpackScript(to, { files, bytes }), {
    stdin,
    timeoutSeconds: SEND_SECONDS,
  });
  if (status === 0) return true;
  throw remoteFailure({
    what: `${name} could not be put into ${to} on ${host.name}`,
    stderr: status === DAMAGED ? "it arrived incomplete, or changed meanwhile" : stderr,
    ...(status === DAMAGED && { reason: "file-invalid" as const }),
  });
}

interface FolderSize {
  files: number;
  bytes: number;
}

async function folderSize(folder: string): Promise<FolderSize> {
  const size = { files: 0, bytes: 0 };
  for (const name of await readdir(folder, { recursive: true })) {
    const entry = await stat(path.join(folder, name));
    if (!entry.isFile()) continue;
    size.files += 1;
    size.bytes += entry.size;
  }
  return size;
}

function unpackScript(to: string, { files, bytes }: FolderSize): string {
  const { dir, base } = path.posix.parse(to);
  return `
set -e
folder=${shellWord(dir)} target=${shellWord(to)}
part=$folder/.${shellWord(base)}.${randomBytes(4).toString("hex")}.part
mkdir -p "$folder"
trap 'rm -rf "$part"' EXIT
mkdir "$part"
tar -xf - -C "$part"
size=$(find "$part" -type f -printf '%s\\n' | awk '{ bytes += $1 } END { print NR, bytes + 0 }')
[ "$size" = "${files} ${bytes}" ] || exit ${DAMAGED}
mv -T "$part" "$target" || [ -d "$target" ]
`;
}
