import { importsOf, loadedFrom, packageOf } from "./imports.ts";
import { type Files, type Finding, isSource, linesMatching } from "./repository.ts";

const LAPTOP_MAY_SEE = ["worker/contract", "worker/files", "worker/queue", "worker/wheels"];

/**
 * Which folder, or module at the top of a tree, may import which others. ARCHITECTURE.md has the
 * picture. A folder that is not here may import nothing of ours: a new one needs a line.
 */
const ARROWS: Record<string, string[]> = {
  "orchestrator/sweep": ["worker/contract", "worker/features", "worker/files"],
  "orchestrator/tracking": [
    "orchestrator/sweep",
    "orchestrator/ports",
    "worker/contract",
    "worker/files",
    "worker/queue",
  ],
  "orchestrator/ports": [
    "orchestrator/sweep",
    "orchestrator/tracking",
    "worker/contract",
    "worker/files",
    "worker/queue",
  ],
  "orchestrator/ssh": ["orchestrator/ports", "worker/contract", "worker/files"],
  "orchestrator/sge": [
    "orchestrator/sweep",
    "orchestrator/ports",
    "orchestrator/ssh",
    "worker/contract",
    "worker/files",
  ],
  "orchestrator/site": [
    "orchestrator/sweep",
    "orchestrator/ports",
    "orchestrator/ssh",
    "orchestrator/sge",
    "worker/contract",
    "worker/files",
    "worker/wheels",
    "worker/engine",
  ],
  "orchestrator/agent": [
    "orchestrator/sweep",
    "orchestrator/tracking",
    "orchestrator/ports",
    "worker/contract",
  ],
  "orchestrator/agent.ts": ["orchestrator/agent", "orchestrator/adapters"],
  "orchestrator/adapters": [
    "orchestrator/sweep",
    "orchestrator/tracking",
    "orchestrator/ports",
    "orchestrator/ssh",
    "orchestrator/sge",
    "orchestrator/site",
    "orchestrator/agent",
    ...LAPTOP_MAY_SEE,
  ],
  "orchestrator/output": [
    "orchestrator/site",
    "orchestrator/sweep",
    "orchestrator/tracking",
    "orchestrator/ports",
    "worker/contract",
  ],
  "orchestrator/commands": [
    "orchestrator/sweep",
    "orchestrator/tracking",
    "orchestrator/ports",
    "orchestrator/output",
    "orchestrator/site",
    ...LAPTOP_MAY_SEE,
  ],
  "orchestrator/command-line.ts": ["orchestrator/output", "worker/contract"],
  "orchestrator/schema.ts": ["orchestrator/sweep"],
  "orchestrator/main.ts": [
    "orchestrator/sweep",
    "orchestrator/command-line.ts",
    "orchestrator/commands",
    "orchestrator/adapters",
    "orchestrator/output",
    ...LAPTOP_MAY_SEE,
  ],

  "worker/contract": [],
  "worker/files": ["worker/contract"],
  "worker/wheels": ["worker/contract", "worker/files"],
  "worker/queue": ["worker/contract", "worker/files"],
  "worker/broker": ["worker/contract", "worker/files", "worker/queue", "worker/wheels"],
  "worker/proof": [
    "worker/contract",
    "worker/files",
    "worker/wheels",
    "worker/broker",
    "worker/pilot",
    "worker/engine",
  ],
  "worker/prove.ts": ["worker/contract", "worker/broker", "worker/pilot", "worker/proof"],
  "worker/hub": ["worker/contract", "worker/files"],
  "worker/pilot": [
    "worker/contract",
    "worker/files",
    "worker/queue",
    "worker/broker",
    "worker/engine",
  ],
  "worker/engine": ["worker/contract", "worker/files", "worker/wheels"],
  "worker/tensor": ["worker/contract", "worker/engine"],
  "worker/metrics": ["worker/contract"],
  "worker/data": ["worker/contract", "worker/files", "worker/tensor"],
  "worker/model": ["worker/contract", "worker/files", "worker/tensor"],
  "worker/features": ["worker/contract", "worker/files", "worker/tensor"],
  "worker/train": [
    "worker/contract",
    "worker/files",
    "worker/features",
    "worker/tensor",
    "worker/model",
    "worker/data",
    "worker/metrics",
  ],
  "worker/main.ts": [
    "worker/contract",
    "worker/files",
    "worker/queue",
    "worker/broker",
    "worker/pilot",
    "worker/engine",
  ],
  "worker/trainer.ts": ["worker/contract", "worker/files", "worker/tensor", "worker/train"],
  "worker/cli.ts": ["worker/contract", "worker/commands"],
  "worker/commands": [
    "worker/contract",
    "worker/hub",
    "worker/files",
    "worker/engine",
    "worker/tensor",
    "worker/metrics",
    "worker/data",
    "worker/model",
    "worker/train",
  ],
};

/** Who may import a package: a prefix of paths. A package that is not here needs a line. */
const PACKAGES: Record<string, string[]> = {
  zod: [
    "orchestrator/sweep/",
    "orchestrator/sge/",
    "orchestrator/site/",
    "orchestrator/adapters/",
    "worker/",
  ],
  yaml: ["orchestrator/sweep/"],
  ssh2: ["orchestrator/ssh/"],
  "ssh-config": ["orchestrator/ssh/"],
  "fast-xml-parser": ["orchestrator/sge/"],
  commander: [
    "orchestrator/command-line.ts",
    "orchestrator/commands/",
    "worker/cli.ts",
    "worker/commands/",
  ],
  bullmq: ["worker/queue/", "worker/broker/"],
  ioredis: ["worker/queue/", "worker/broker/"],
  sharp: ["worker/data/"],
  "@huggingface/tokenizers": ["worker/data/"],
  "@tensorflow/tfjs-core": ["worker/tensor/", "worker/model/", "worker/train/", "worker/engine/"],
  "@tensorflow/tfjs-backend-cpu": ["worker/tensor/backend.ts"],
  "@tensorflow/tfjs-backend-wasm": ["worker/tensor/backend.ts"],
  "@tensorflow/tfjs-node-gpu": ["worker/tensor/backend.ts"],
};

/** Entries whose processes stay small and start fast: none may load what its pattern names. */
const KEPT_OUT: { entry: string; pattern: RegExp }[] = [
  { entry: "orchestrator/main.ts", pattern: /^@tensorflow\/|^sharp$|^@huggingface\// },
  { entry: "orchestrator/agent.ts", pattern: /^@tensorflow\/|^sharp$|^@huggingface\/|^ssh2$/ },
  { entry: "worker/main.ts", pattern: /^@tensorflow\/|^sharp$|^@huggingface\// },
  { entry: "worker/commands/score.ts", pattern: /^@tensorflow\/|^sharp$|^@huggingface\// },
];

/** Imports go along the arrows, and packages stay where they belong. */
export function layers(files: Files): Finding[] {
  return [...files].flatMap(([path, text]) => {
    if (!isSource(path) || !path.endsWith(".ts")) return [];
    return importsOf(path, text).flatMap(({ specifier, module, line }): Finding[] => {
      const message = module ? arrowProblem(path, module) : packageProblem(path, specifier);
      return message === null ? [] : [{ path, line, message }];
    });
  });
}

function arrowProblem(importer: string, imported: string): string | null {
  const from = layerOf(importer);
  const to = layerOf(imported);
  if (from === to || ARROWS[from]?.includes(to)) return null;
  return `${from} may not import ${to}: turn the arrow round or pass it in (ARROWS in layers.ts)`;
}

function packageProblem(importer: string, specifier: string): string | null {
  if (specifier.startsWith("node:")) return null;
  const owners = PACKAGES[packageOf(specifier)];
  if (owners?.some((owner) => importer.startsWith(owner))) return null;
  const allowed = owners?.join(", ") ?? "nobody yet (PACKAGES in layers.ts)";
  return `${packageOf(specifier)} may be imported by ${allowed}`;
}

/**
 * `worker/train/adamw.ts` → `worker/train`; a module at the top of a tree is a layer of its own.
 */
function layerOf(path: string): string {
  return path.split("/").slice(0, 2).join("/");
}

const BACKEND = /["'`]@tensorflow\/tfjs-(?!core\b)/;
const BACKEND_OWNERS = new Set(["worker/tensor/backend.ts", "worker/engine/binding-build.ts"]);

/**
 * A backend's package is named, also in a `require`, only where it is loaded and where it is built.
 */
export function backends(files: Files): Finding[] {
  return [...files].flatMap(([path, text]) => {
    if (!isSource(path) || BACKEND_OWNERS.has(path)) return [];
    return linesMatching(path, text, BACKEND, "names a backend: only worker/tensor/backend.ts may");
  });
}

/** TensorFlow and what decodes images stay out of the laptop's process and the pilot's. */
export function lightProcesses(files: Files): Finding[] {
  return KEPT_OUT.flatMap(({ entry, pattern }) =>
    [...loadedFrom(entry, files)].flatMap(([target, trail]): Finding[] => {
      if (!pattern.test(target)) return [];
      const message = `loads what it must not: ${trail.slice(1).join(" → ")}`;
      return [{ path: entry, line: null, message }];
    }),
  );
}

const ENTRIES = [
  "orchestrator/main.ts",
  "orchestrator/agent.ts",
  "orchestrator/schema.ts",
  "worker/main.ts",
  "worker/prove.ts",
  "worker/trainer.ts",
  "worker/cli.ts",
];

/** Every module is imported, for a type at least, by something that an entry leads to. */
export function deadFiles(files: Files): Finding[] {
  const reached = new Set(ENTRIES);
  for (const path of reached) {
    for (const { module } of importsOf(path, files.get(path) ?? "")) {
      if (module !== null) reached.add(module);
    }
  }
  return [...files.keys()]
    .filter((path) => isSource(path) && path.endsWith(".ts") && !reached.has(path))
    .map((path) => ({
      path,
      line: null,
      message: "no entry point leads here: use or remove it",
    }));
}
