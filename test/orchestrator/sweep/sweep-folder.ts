import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

/**
 * A small sweep that can be resolved, with its model and data set beside it; removed at the end.
 */
export class SweepFolder {
  readonly root = mkdtempSync(path.join(tmpdir(), "qsweep-sweep-"));

  constructor() {
    this.write("sites/local.yaml", "scheduler: local\nroot: ../state\nlease: 3s\n");
    this.write("models/tiny/config.json", "{}");
    this.write("models/tiny/preprocessor_config.json", "{}");
    this.write("models/tiny/vocab.txt", "[PAD]\n");
    this.write("models/tiny/model.safetensors", "weights");
    this.write("data/annotations/train.json", "{}");
    this.write("data/annotations/val.json", "{}");
    this.write(
      "sweeps/tiny.yaml",
      [
        "name: tiny",
        "dataset: {root: ../data}",
        "arms:",
        "  full: {model: ../models/tiny, method: full, lr: {grid: [1e-5, 5e-5]}}",
        "pilots: 2",
        "",
      ].join("\n"),
    );
  }

  get sweep(): string {
    return path.join(this.root, "sweeps", "tiny.yaml");
  }

  write(name: string, text: string | Uint8Array): void {
    const file = path.join(this.root, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}
