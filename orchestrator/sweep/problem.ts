import { diagnostic, type Diagnostic } from "./diagnostic.ts";
import { locate, type YamlNode, type YamlPath } from "./yaml-node.ts";

/** A problem with a value of a file, by its path: pure code finds it, the file's tree places it. */
export interface Problem {
  path: YamlPath;
  /** Whether the key is marked or the value. */
  part: "key" | "value";
  message: string;
  /** The other place, where two clash. */
  related?: Omit<Problem, "related">;
}

export function placed(root: YamlNode, { path, part, message, related }: Problem): Diagnostic {
  return diagnostic(
    message,
    locate(root, path, part),
    related && {
      message: related.message,
      span: locate(root, related.path, related.part),
    },
  );
}
