import { backends, deadFiles, layers, lightProcesses } from "./layers.ts";
import { architecture, instructions, leftNotes, links, variables } from "./prose.ts";
import { purity } from "./purity.ts";
import type { Files, Finding, Violation } from "./repository.ts";
import {
  columns,
  foreignPlaces,
  leftOutTests,
  moduleSizes,
  names,
  printing,
  shells,
} from "./text-rules.ts";

/** Every rule by the name under which its violations are shown. */
export const RULES = {
  layers,
  backends,
  lightProcesses,
  deadFiles,
  purity,
  columns,
  moduleSizes,
  names,
  printing,
  shells,
  foreignPlaces,
  leftOutTests,
  architecture,
  links,
  instructions,
  variables,
  leftNotes,
} satisfies Record<string, (files: Files) => Finding[]>;

/** All that is wrong with these files. */
export function violations(files: Files): Violation[] {
  return Object.entries(RULES).flatMap(([rule, find]) =>
    find(files).map((finding) => ({ rule, ...finding })),
  );
}

/** `worker/a.ts:3 prints by itself [printing]` */
export function describeViolation({ rule, path, line, message }: Violation): string {
  return `${path}${line === null ? "" : `:${line}`} ${message} [${rule}]`;
}
