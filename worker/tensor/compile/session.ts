import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { NativeBinding, TensorHandle } from "../native-backend.ts";
import type { GraphNode } from "./graph.ts";
import { savedModelBytes, TAG } from "./saved-model.ts";

/** A graph loaded into TensorFlow, with variables of its own. */
export class GraphSession {
  readonly #binding: NativeBinding;
  readonly #id: number;

  constructor(binding: NativeBinding, nodes: readonly GraphNode[]) {
    this.#binding = binding;
    // The binding loads from files only.
    const directory = mkdtempSync(path.join(tmpdir(), "qsweep-graph-"));
    try {
      writeFileSync(path.join(directory, "saved_model.pb"), savedModelBytes(nodes));
      this.#id = binding.loadSavedModel(directory, TAG);
    } finally {
      rmSync(directory, { recursive: true });
    }
  }

  /**
   * Runs what `fetches` need, with handles in place of placeholders. Each new set of names is
   * optimised anew. The caller owns the handles returned, in the order of `fetches`.
   */
  run(feeds: ReadonlyMap<string, number>, fetches: readonly string[]): TensorHandle[] {
    const names = [...feeds.keys()].map(withIndex);
    return this.#binding.runSavedModel(
      this.#id,
      [...feeds.values()],
      names.join(","),
      fetches.map(withIndex).join(","),
    );
  }

  /** Frees the graph and its variables. */
  close(): void {
    this.#binding.deleteSavedModel(this.#id);
  }
}

function withIndex(reference: string): string {
  return reference.includes(":") ? reference : `${reference}:0`;
}
