import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { z } from "zod";

/** npm's lockfile, as far as it says which packages a run needs. */
const Lockfile = z.object({
  packages: z.record(z.string(), z.object({ dev: z.boolean().default(false) })),
});

/** Never read by Node: types, source maps, documentation. */
const UNREAD = /\.(?:map|d\.[cm]?ts|md|markdown|tsbuildinfo)$/i;

/** What a package holds besides what Node loads, by the package's folder. */
const LEFT_OUT: { package: RegExp; keep: RegExp }[] = [
  // Builds for browsers and bundlers; Node's is one file a package.
  {
    package: /^node_modules\/@tensorflow\/tfjs(?!-node)[a-z-]*$/,
    keep: /^(?:package\.json|LICENSE|dist\/[\w-]+(?:\.[\w-]+)*\.node\.js)$/,
  },
  // Its own tests, and sources in TypeScript.
  {
    package: /^node_modules\/@tensorflow\/tfjs-node-gpu$/,
    keep: /^(?:package\.json|LICENSE|binding\/.*|dist\/(?!.*_test\.js$).*)$/,
  },
];

/** Our own part of what runs on a cluster, relative to the package; sorted. */
export function ownFiles(packageRoot: string): string[] {
  const folders = ["dist", "jobs"].flatMap((folder) => filesUnder(packageRoot, folder));
  return [...folders.filter((file) => !UNREAD.test(file)), "package.json", "package-lock.json"];
}

/**
 * Files of the packages that a run needs, relative to the folder of `node_modules`. Packages for
 * other platforms that are not installed are passed over.
 */
export function packageFiles(folder: string): string[] {
  const lockfile = Lockfile.parse(
    JSON.parse(readFileSync(path.join(folder, "package-lock.json"), "utf8")),
  );
  return Object.entries(lockfile.packages).flatMap(([name, { dev }]) => {
    if (name === "" || dev || !existsSync(path.join(folder, name))) return [];
    const keep = LEFT_OUT.find((rule) => rule.package.test(name))?.keep ?? /./;
    return filesUnder(folder, name).filter(
      (file) => !UNREAD.test(file) && keep.test(file.slice(name.length + 1)),
    );
  });
}

/**
 * Names a worker by its content: of the packages only the lockfile is read, which fixes them.
 */
export function workerHash(packageRoot: string): string {
  const hash = createHash("sha256");
  for (const file of ownFiles(packageRoot)) {
    const bytes = readFileSync(path.join(packageRoot, file));
    hash.update(`${file}\0${bytes.length}\0`).update(bytes);
  }
  return hash.digest("hex").slice(0, 16);
}

/** Plain files below a folder, without those of packages nested in it. */
function filesUnder(root: string, folder: string): string[] {
  return readdirSync(path.join(root, folder), { withFileTypes: true })
    .toSorted((one, other) => (one.name < other.name ? -1 : 1))
    .flatMap((entry) => {
      const file = path.posix.join(folder, entry.name);
      if (entry.isDirectory()) return entry.name === "node_modules" ? [] : filesUnder(root, file);
      return entry.isFile() ? [file] : [];
    });
}
