import { importsOf } from "./imports.ts";
import { type Files, type Finding, linesMatching } from "./repository.ts";

/** Modules of `worker/model/` that read and write files. */
const MODEL_EDGES = [
  "adapter-files",
  "weight-files",
  "blip-config",
  "blip-captioner",
  "model-folder",
  "open-captioner",
  "cnn-lstm/cnn-lstm-config",
  "cnn-lstm/cnn-lstm-captioner",
];

/** Folders and modules that only compute: same arguments, same answer, nothing else touched. */
const PURE = [
  /^orchestrator\/tracking\//,
  /^orchestrator\/sweep\/(?!(?:read-source|find-inputs|find-site|resolve-sweep)\.ts$)/,
  /^orchestrator\/output\//,
  /^worker\/contract\//,
  /^worker\/metrics\//,
  /^orchestrator\/ports\//,
  /^worker\/queue\/(?:disposition|retry-rules)\.ts$/,
  /^worker\/pilot\/gpu-rule\.ts$/,
  /^worker\/tensor\/(?:custom-gradient|native-backend|seeded-values)\.ts$/,
  /^worker\/tensor\/(?:half-float|stateless-uniform|stored-dtype)\.ts$/,
  /^worker\/features\/feature-layout\.ts$/,
  new RegExp(`^worker/model/(?!(?:${MODEL_EDGES.join("|")})\\.ts$)`),
  /^worker\/train\/(?:adamw|counter-random|epoch-order|event-line|lr-schedule)\.ts$/,
];

/** Node's modules that compute and touch nothing, with the names that keep to this. */
const COMPUTING: Record<string, RegExp> = {
  "node:crypto": /^(?:createHash|hash)$/,
  "node:path": /./,
  "node:util": /^(?:stripVTControlCharacters|styleText|isDeepStrictEqual)$/,
};

/** What reads or changes the world without being passed in. */
const AMBIENT = new RegExp(
  [
    String.raw`\bprocess\.(?:env|argv|cwd|stdout|stderr|stdin|hrtime|pid|exit)\b`,
    String.raw`\b(?:Date|performance)\.now\(|\bnew Date\(\)`,
    String.raw`\bMath\.random\(|\brandomUUID\(|\brandomBytes\(`,
    String.raw`\bset(?:Timeout|Interval|Immediate)\(|\bfetch\(`,
    String.raw`\bpath\.(?:resolve|relative)\(`,
  ].join("|"),
);

/** Pure modules read no file, clock, environment or randomness, and load only pure modules. */
export function purity(files: Files): Finding[] {
  return [...files]
    .filter(([path]) => isPure(path))
    .flatMap(([path, text]) => [
      ...linesMatching(path, code(text), AMBIENT, "is a pure module: have this value passed in"),
      ...importsOf(path, text).flatMap(({ specifier, module, typeOnly, names, line }) => {
        if (typeOnly || (module ? isPure(module) : computes(specifier, names))) return [];
        return [
          { path, line, message: `is a pure module and may not load ${module ?? specifier}` },
        ];
      }),
    ]);
}

function isPure(path: string): boolean {
  return PURE.some((pattern) => pattern.test(path));
}

function computes(specifier: string, names: readonly string[]): boolean {
  if (!specifier.startsWith("node:")) return true;
  const allowed = COMPUTING[specifier];
  return allowed !== undefined && names.every((name) => allowed.test(name));
}

/** The text with comments blanked, line for line. */
function code(text: string): string {
  return text
    .replaceAll(/\/\*[\s\S]*?\*\//g, (comment) => comment.replaceAll(/[^\n]/g, " "))
    .replaceAll(/(^|\s)\/\/.*$/gm, "$1");
}
