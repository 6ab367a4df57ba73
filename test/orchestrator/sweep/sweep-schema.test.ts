import { describe, expect, test } from "vitest";
import { diagnose, lines } from "./diagnose.ts";

const TRAIN_KEYS =
  "epochs, batch_size, accumulate, captions, max_length, labels, lr, schedule, precision, encoder_cache, " +
  "optimizer, checkpoint, validate, decode";
const ARM_KEYS = `model, init, method, lora, train, ${TRAIN_KEYS}, zip, resources`;
const TOP_KEYS =
  "name, site, dataset, objective, train, sampling_seed, seeds, baselines, arms, exclude, " +
  "resources, pilots, max_failures";
const AXIS_KEYS = "grid, choice, samples, uniform, log_uniform, int_uniform";

/** A sweep with a hole: what stands in it is what a test is about. */
function sweepWith({ top = "", train = "{}", arm = "" }): string {
  return [
    "name: s",
    "dataset: {root: data}",
    `train: ${train}`,
    "arms:",
    "  full: {model: m, method: full}",
    `  lora: {model: m, method: lora${arm && `, ${arm}`}}`,
    top,
  ].join("\n");
}

const check = (name: string, text: string, expected: string) =>
  test(name, () => expect(diagnose(text)).toBe(lines(expected)));

test("the smallest sweep has a name, a data set and an arm", () => {
  expect(diagnose("name: s\ndataset: {root: data}\narms: {a: {model: m, method: full}}")).toBe("");
});

describe("keys", () => {
  check(
    "an unknown key is shown with the nearest known one",
    sweepWith({ train: "{epoch: 3}" }),
    `
    s.yaml:3:9: unknown key "epoch"; did you mean "epochs"? (known here: ${TRAIN_KEYS})
      train: {epoch: 3}
              ^^^^^
    `,
  );
  check(
    "a parameter at the top is sent to where it belongs",
    sweepWith({ top: "lr: 1e-4" }),
    `
    s.yaml:7:1: unknown key "lr"; did you mean train: {lr: …}? (known here: ${TOP_KEYS})
      lr: 1e-4
      ^^
    `,
  );
  check(
    "a missing key is shown at what lacks it",
    "name: s\ndataset: {format: vizwiz}\narms:\n  full: {model: m}\n",
    `
    s.yaml:2:1: missing key "root"
      dataset: {format: vizwiz}
      ^^^^^^^

    s.yaml:4:3: missing key "method"
        full: {model: m}
        ^^^^
    `,
  );
  check(
    "a rank in the full arm is refused, nested or by its path",
    "name: s\ndataset: {root: data}\narms:\n  full:\n    model: m\n    method: full\n    lora: {r: 8}\n    zip: {lora.alpha: [16, 32], lr: [1e-5, 1e-4]}\n",
    `
    s.yaml:7:5: LoRA settings belong in an arm with \`method: lora\`; this arm has \`method: full\`
          lora: {r: 8}
          ^^^^

    s.yaml:8:11: LoRA settings belong in an arm with \`method: lora\`; this arm has \`method: full\`
          zip: {lora.alpha: [16, 32], lr: [1e-5, 1e-4]}
                ^^^^^^^^^^
    `,
  );
  check(
    "a rank in an arm of the CNN-LSTM baseline is refused",
    "name: s\ndataset: {root: data}\narms:\n  cnn:\n    model: m\n    method: cnn-lstm\n    init: random\n    zip: [{lora.r: [1, 2]}]\n",
    `
    s.yaml:8:12: LoRA settings belong in an arm with \`method: lora\`; this arm has \`method: cnn-lstm\`
          zip: [{lora.r: [1, 2]}]
                 ^^^^^^
    `,
  );
  check(
    "a rank directly in an arm is sent to its block",
    sweepWith({ arm: "r: 8" }),
    `
    s.yaml:6:34: unknown key "r"; did you mean lora: {r: …}? (known here: ${ARM_KEYS})
        lora: {model: m, method: lora, r: 8}
                                       ^
    `,
  );
  check(
    "a mistyped way of sweeping names the ways there are",
    sweepWith({ train: "{batch_size: {gird: [8, 16]}}" }),
    `
    s.yaml:3:22: unknown key "gird"; did you mean "grid"? (known here: grid, choice, samples, int_uniform)
      train: {batch_size: {gird: [8, 16]}}
                           ^^^^
    `,
  );
  check(
    "a baseline's name is no arm's",
    "name: s\ndataset: {root: data}\narms: {untuned: {model: m, method: full}}",
    `
    s.yaml:3:8: this name is kept for a baseline; choose another name for the arm
      arms: {untuned: {model: m, method: full}}
             ^^^^^^^
    `,
  );
});

describe("values", () => {
  check(
    "a wrong type says what was expected and what is there",
    sweepWith({
      train: "{epochs: three, lr: {a: 1}, batch_size: 1.5}",
      top: "pilots: '4'\nseeds: 3",
    }),
    `
    s.yaml:3:17: expected a whole number, got "three"
      train: {epochs: three, lr: {a: 1}, batch_size: 1.5}
                      ^^^^^

    s.yaml:3:29: unknown key "a" (known here: ${AXIS_KEYS})
      train: {epochs: three, lr: {a: 1}, batch_size: 1.5}
                                  ^

    s.yaml:3:48: expected a whole number, got 1.5
      train: {epochs: three, lr: {a: 1}, batch_size: 1.5}
                                                     ^^^

    s.yaml:7:9: expected a whole number, got "4"
      pilots: '4'
              ^^^

    s.yaml:8:8: expected a list, got 3
      seeds: 3
             ^
    `,
  );
  check(
    "a plain list where one value belongs is explained",
    sweepWith({ train: "{lr: [1e-5, 5e-5]}" }),
    `
    s.yaml:3:13: expected a number, got a list; to try several values, write {grid: [...]}
      train: {lr: [1e-5, 5e-5]}
                  ^^^^^^^^^^^^
    `,
  );
  check(
    "an empty grid",
    sweepWith({ train: "{lr: {grid: []}}" }),
    `
    s.yaml:3:20: the list is empty; give at least one value
      train: {lr: {grid: []}}
                         ^^
    `,
  );
  check(
    "a logarithm of zero",
    sweepWith({ train: "{optimizer: {weight_decay: {log_uniform: [0, 0.1], samples: 2}}}" }),
    `
    s.yaml:3:50: must be greater than 0, got 0
      train: {optimizer: {weight_decay: {log_uniform: [0, 0.1], samples: 2}}}
                                                       ^
    `,
  );
  check(
    "bounds the wrong way round, and a bound that the parameter cannot take",
    sweepWith({
      train: "{lr: {uniform: [1e-3, 1e-4], samples: 2}}",
      arm: "lora: {dropout: {uniform: [0, 1], samples: 2}}",
    }),
    `
    s.yaml:3:23: the first bound must be below the second
      train: {lr: {uniform: [1e-3, 1e-4], samples: 2}}
                            ^^^^^^^^^^^^

    s.yaml:6:64: must be less than 1, got 1
        lora: {model: m, method: lora, lora: {dropout: {uniform: [0, 1], samples: 2}}}
                                                                     ^
    `,
  );
  check(
    "whole numbers are not drawn from fractions",
    sweepWith({ train: "{epochs: {uniform: [1, 5], samples: 2}}" }),
    `
    s.yaml:3:18: unknown key "uniform" (known here: grid, choice, samples, int_uniform)
      train: {epochs: {uniform: [1, 5], samples: 2}}
                       ^^^^^^^
    `,
  );
  check(
    "draws without their number",
    sweepWith({ train: "{lr: {log_uniform: [1e-5, 1e-3]}}" }),
    `
    s.yaml:3:9: missing key "samples"
      train: {lr: {log_uniform: [1e-5, 1e-3]}}
              ^^
    `,
  );
  check(
    "what does not work yet is refused by naming what does",
    sweepWith({
      train: "{precision: bfloat16, schedule: cosin, optimizer: {name: sgd}}",
      top: "objective: {metric: rouge}\nbaselines: [random]",
    }),
    `
    s.yaml:3:20: "bfloat16" is not supported (supported: float32)
      train: {precision: bfloat16, schedule: cosin, optimizer: {name: sgd}}
                         ^^^^^^^^

    s.yaml:3:40: "cosin" is not supported; did you mean "cosine"? (supported: constant, linear, cosine)
      train: {precision: bfloat16, schedule: cosin, optimizer: {name: sgd}}
                                             ^^^^^

    s.yaml:3:65: "sgd" is not supported (supported: adamw)
      train: {precision: bfloat16, schedule: cosin, optimizer: {name: sgd}}
                                                                      ^^^

    s.yaml:7:21: "rouge" is not supported (supported: cider)
      objective: {metric: rouge}
                          ^^^^^

    s.yaml:8:13: "random" is not supported (supported: untuned, constant)
      baselines: [random]
                  ^^^^^^
    `,
  );
  check(
    "settings that cannot be swept",
    sweepWith({ train: "{validate: {images: {grid: [10, all]}}, checkpoint: {every: 15}}" }),
    `
    s.yaml:3:28: expected "all" or a whole number, got a map
      train: {validate: {images: {grid: [10, all]}}, checkpoint: {every: 15}}
                                 ^^^^^^^^^^^^^^^^^

    s.yaml:3:68: expected text, got 15
      train: {validate: {images: {grid: [10, all]}}, checkpoint: {every: 15}}
                                                                         ^^
    `,
  );
});

test("problems of every kind are shown at once, in the order of the file", () => {
  const text = [
    "name: s",
    "name: t",
    "dataset: {root: data, rejectd: keep}",
    "train: {epochs: many}",
    "arms:",
    "  full: {model: m, method: full, lora: {r: 8}, lr: {grid: []}}",
    "  lora: {model: m, method: lora, lr: {log_uniform: [0, 1], samples: 1}}",
  ].join("\n");
  expect(diagnose(text).match(/^s\.yaml:.*$/gm)).toEqual([
    's.yaml:2:1: the key "name" is given twice',
    "s.yaml:1:1: first given here",
    's.yaml:3:23: unknown key "rejectd"; did you mean "rejected"? (known here: format, root, precanned, rejected, max_bad_images)',
    's.yaml:4:17: expected a whole number, got "many"',
    "s.yaml:6:34: LoRA settings belong in an arm with `method: lora`; this arm has `method: full`",
    "s.yaml:6:59: the list is empty; give at least one value",
    "s.yaml:7:53: must be greater than 0, got 0",
  ]);
});
