import { randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import path from "node:path";
import { packageRoot } from "../../worker/files/package-root.ts";
import type { RemoteHost } from "../ports/remote-host.ts";
import { shellLine, shellWord } from "../ssh/shell-words.ts";
import { counted } from "./counted-stream.ts";
import { remoteFailure } from "./remote-failure.ts";
import { workerBundle } from "./worker-bundle.ts";
import { workerHash } from "./worker-files.ts";

const ASK_SECONDS = 60;
const SEND_SECONDS = 30 * 60;
/** Exit status of a far side that received other bytes than were sent. */
const DAMAGED = 65;

export interface DeployOptions {
  /** The site's root directory, absolute. */
  root: string;
  /** Told in one line what takes long. */
  onProgress: (line: string) => void;
  /** Folder of the package to send; left out, our own. */
  source?: string;
}

export interface DeployedWorker {
  /** Absolute; holds `dist/`, `jobs/` and `node_modules/`. */
  directory: string;
  hash: string;
  /** False where it was there already. */
  sent: boolean;
}

/**
 * Makes sure that this very worker is on a site: one remote call where it is. A worker is there
 * whole or not at all, also when several send it at once or one is cut off. Older ones stay, since
 * pilots may run from them. Throws Failure `disk-full`, `file-invalid`, `site-not-ready`.
 */
export async function deployWorker(
  host: RemoteHost,
  { root, onProgress, source = packageRoot() }: DeployOptions,
): Promise<DeployedWorker> {
  const hash = workerHash(source);
  const directory = path.posix.join(root, "workers", hash);
  const { status } = await host.run(shellLine(["test", "-d", directory]), {
    timeoutSeconds: ASK_SECONDS,
  });
  if (status === 0) return { directory, hash, sent: false };
  const { archive, digest, bytes } = await workerBundle(source, onProgress);
  const total = Math.ceil(bytes / 1e6);
  const stdin = counted(createReadStream(archive), (sent) =>
    onProgress(`sending the worker: ${Math.round(sent / 1e6)} of ${total} MB`),
  );
  const nonce = randomBytes(4).toString("hex");
  const { status: sent, stderr } = await host.run(receiveScript({ directory, digest, nonce }), {
    stdin,
    timeoutSeconds: SEND_SECONDS,
  });
  if (sent === 0) return { directory, hash, sent: true };
  throw remoteFailure({
    what: `the worker could not be put into ${directory} on ${host.name}`,
    stderr: sent === DAMAGED ? "it arrived damaged" : stderr,
    ...(sent === DAMAGED && { reason: "file-invalid" as const }),
  });
}

/**
 * Receives an archive on stdin, checks it, unpacks it under a name of its own, and renames the
 * whole. What a sender that was cut off left a day ago is removed.
 */
export function receiveScript({
  directory,
  digest,
  nonce,
}: {
  directory: string;
  digest: string;
  nonce: string;
}): string {
  const { dir: workers, base: hash } = path.posix.parse(directory);
  return `
set -e
workers=${shellWord(workers)} target=${shellWord(directory)}
part=$workers/.${hash}.${nonce}.part
mkdir -p "$workers"
find "$workers" -maxdepth 1 -name '.*.part' -mtime +0 -exec rm -rf {} + || :
trap 'rm -rf "$part"' EXIT
mkdir "$part"
cat >"$part/worker.tar.gz"
sum=$(sha256sum <"$part/worker.tar.gz")
[ "\${sum%% *}" = ${digest} ] || exit ${DAMAGED}
tar -xzf "$part/worker.tar.gz" -C "$part"
rm "$part/worker.tar.gz"
mv -T "$part" "$target" || [ -d "$target" ]
`;
}
