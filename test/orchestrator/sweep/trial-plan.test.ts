import { assert, property, shuffledSubarray } from "fast-check";
import { describe, expect, test } from "vitest";
import { Recipe, TRIAL_ID, TrialSpec } from "../../../worker/contract/trial-spec.ts";
import { canonicalJson, sha256 } from "../../../orchestrator/sweep/canonical-json.ts";
import { diagnose, lines, planText } from "./diagnose.ts";

const TWO_ARMS = `
name: s
dataset: {root: data}
seeds: [0, 1]
arms:
  full:
    model: m
    method: full
    lr: {grid: [1e-5, 5e-5]}
  lora:
    model: m
    method: lora
    lora: {r: {grid: [4, 8, 16]}}
`;

function idsOf(text: string): string[] {
  return planText(text).specs.map(({ id }) => id);
}

const same = (name: string, from: string | RegExp, to: string) =>
  test(`not of ${name}`, () => {
    expect(TWO_ARMS.replace(from, to)).not.toBe(TWO_ARMS);
    expect(idsOf(TWO_ARMS.replace(from, to)).toSorted()).toEqual(idsOf(TWO_ARMS).toSorted());
  });

const different = (name: string, from: string | RegExp, to: string) =>
  test(`but of ${name}`, () => {
    const ids = new Set(idsOf(TWO_ARMS));
    expect(idsOf(TWO_ARMS.replace(from, to)).filter((id) => ids.has(id))).toEqual([]);
  });

function armOf(keys: string[]): string {
  return `arms: {a: {${keys.join(", ")}}}\nname: s\ndataset: {root: d}`;
}

describe("an id is a hash of what determines the result", () => {
  // Computed with Python: json.dumps(recipe, sort_keys=True, separators=(",", ":")) with the
  // defaults of the sweep file, numbers as JavaScript writes them; "t" and 12 hex digits of its
  // SHA-256.
  test("the same as computed elsewhere", () => {
    expect(idsOf(armOf(["model: m", "method: full"]))).toEqual(["te20b95dacc2f"]);
  });

  test("as long as the recipe's text is canonical", () => {
    for (const { id, recipe } of planText(TWO_ARMS).specs) {
      expect(id).toMatch(TRIAL_ID);
      expect(id).toBe(`t${sha256(canonicalJson(recipe)).slice(0, 12)}`);
    }
  });

  same("the sweep's name", "name: s", "name: another");
  same("where the data set lies", "root: data", "root: elsewhere");
  same("pilots", "seeds:", "pilots: 4\nseeds:");
  same("failures allowed", "seeds:", "max_failures: 9\nseeds:");
  same("resources", "seeds:", 'resources: {walltime: "01:00:00", gpus: 0, slots: 2}\nseeds:');
  same("an arm's resources", "    lr:", "    resources: {gpus: 2}\n    lr:");
  same("the time between checkpoints", "    lr:", "    checkpoint: {every: 1h}\n    lr:");
  same("images that may be bad", "root: data", "root: data, max_bad_images: 0");
  same("the arms' names", "  full:", "  everything:");
  same("how a number is written", "5e-5", "0.00005");
  same("a default that is written out", "seeds:", "train: {epochs: 5, schedule: constant}\nseeds:");

  different("training", "seeds:", "train: {epochs: 6}\nseeds:");
  different("decoding", "seeds:", "train: {decode: {num_beams: 1}}\nseeds:");
  different("validation", "seeds:", "train: {validate: {images: 50}}\nseeds:");
  different("marked captions", "root: data", "root: data, rejected: keep");
  different("the objective's split", "seeds:", "objective: {split: test}\nseeds:");
  different("the model", /model: m/g, "model: other");
  different("the seeds", "[0, 1]", "[2, 3]");

  test("not of the order in which keys are written", () => {
    const keys = [
      "model: m",
      "method: lora",
      "lr: {grid: [1, 2]}",
      "epochs: 3",
      "lora: {alpha: 8, r: 2}",
    ];
    assert(
      property(shuffledSubarray(keys, { minLength: keys.length }), (shuffled) => {
        expect(idsOf(armOf(shuffled))).toEqual(idsOf(armOf(keys)));
      }),
    );
  });
});

test("trials are handed out seed by seed and, within a seed, arm by arm", () => {
  const order = planText(TWO_ARMS).specs.map(({ arm, seed, params }) => {
    return `${seed} ${arm} ${Object.values(params).join()}`;
  });
  expect(order).toEqual([
    "0 full 0.00001",
    "0 lora 4",
    "0 full 0.00005",
    "0 lora 8",
    "0 lora 16",
    "1 full 0.00001",
    "1 lora 4",
    "1 full 0.00005",
    "1 lora 8",
    "1 lora 16",
  ]);
});

test("a spec is what a worker accepts, with the values in their places", () => {
  const { specs } = planText(`
name: s
dataset: {root: data, precanned: keep, max_bad_images: 3}
arms:
  lora:
    model: m
    init: random
    method: lora
    lora: {r: 2, target_modules: [query]}
    lr: {grid: [3e-4]}
    optimizer: {betas: {grid: [[0.8, 0.9]]}, weight_decay: 0}
    decode: {num_beams: {grid: [1]}}
    checkpoint: {every: 90s}
`);
  expect(specs.map((spec) => TrialSpec.parse(spec))).toEqual(specs);
  expect(specs).toMatchObject([
    {
      params: { lr: 3e-4, "optimizer.betas": [0.8, 0.9], "decode.num_beams": 1 },
      recipe: {
        method: "lora",
        model: { init: "random", digest: "digest of m" },
        lora: { r: 2, alpha: 32, dropout: 0.1, target_modules: ["query"] },
        train: { lr: 3e-4, optimizer: { betas: [0.8, 0.9], weight_decay: 0, eps: 1e-8 } },
        decode: { num_beams: 1, max_new_tokens: 20 },
        dataset: { precanned: "keep", rejected: "drop" },
      },
      paths: { model: "/m", dataset: "/data" },
      settings: { checkpoint_every_seconds: 90, max_bad_images: 3 },
    },
  ]);
});

test("an arm of the CNN-LSTM baseline stands beside a BLIP arm, without LoRA settings", () => {
  const { specs } = planText(`
name: s
dataset: {root: data}
arms:
  full: {model: m, method: full}
  cnn: {model: c, method: cnn-lstm, init: random, lr: {grid: [1e-3, 3e-3]}}
`);
  expect(specs.map((spec) => TrialSpec.parse(spec))).toEqual(specs);
  const cnn = specs.filter(({ arm }) => arm === "cnn");
  expect(cnn.map(({ params }) => params)).toEqual([{ lr: 1e-3 }, { lr: 3e-3 }]);
  for (const { recipe } of cnn) {
    expect(recipe).toMatchObject({ method: "cnn-lstm", model: { init: "random" } });
    expect(recipe).not.toHaveProperty("lora");
  }
});

test("members of an arm do not share what sets them apart", () => {
  const { specs } = planText(TWO_ARMS);
  for (const { recipe, params, seed } of specs) {
    expect(recipe).toEqual(Recipe.parse(recipe));
    expect(recipe.seed).toBe(seed);
    if ("lr" in params && "train" in recipe) expect(recipe.train.lr).toBe(params["lr"]);
    if ("lora.r" in params && "lora" in recipe) expect(recipe.lora.r).toBe(params["lora.r"]);
  }
});

const baselineText = (models: string[], top = "") =>
  [
    "name: s",
    "dataset: {root: data}",
    "baselines: [constant, untuned]",
    `train: {epochs: 2, decode: {num_beams: 1}}${top}`,
    "seeds: [5]",
    "arms:",
    ...models.map((model, index) => `  a${index}: {method: full, epochs: ${index + 1}, ${model}}`),
  ].join("\n");
const baselines = (models: string[]) =>
  planText(baselineText(models)).specs.filter(({ arm }) => arm === "untuned" || arm === "constant");

describe("baselines", () => {
  test("come first, once for a model that several arms share, with seed 0", () => {
    expect(baselines(["model: m", "model: m"])).toMatchObject([
      { arm: "untuned", seed: 0, params: {}, recipe: { method: "untuned", seed: 0 } },
      { arm: "constant", seed: 0, params: {}, paths: { model: null } },
    ]);
  });
  test("name the model where there are several", () => {
    const params = baselines(["model: m", "model: n", "model: m, init: random"]).map(
      (spec) => spec.params,
    );
    expect(params).toEqual([{ model: "m" }, { model: "n" }, { model: "m" }, {}]);
  });
  test("caption as the sweep says", () => {
    expect(baselines(["model: m"])).toMatchObject([
      { recipe: { decode: { num_beams: 1, max_new_tokens: 20 } } },
      { recipe: { decode: { num_beams: 1, max_new_tokens: 20 } } },
    ]);
  });
  test("need one way to caption", () => {
    const swept = baselineText(["model: m"]).replace("num_beams: 1", "num_beams: {grid: [1, 3]}");
    expect(diagnose(swept)).toBe(
      lines(`
        s.yaml:4:29: baselines need one value here; try several in an arm instead
          train: {epochs: 2, decode: {num_beams: {grid: [1, 3]}}}
                                      ^^^^^^^^^
        `),
    );
  });
});

const excluding = (rules: string) => `${TWO_ARMS}exclude: [${rules}]\n`;

const checkExcluded = (rules: string, excluded: number) =>
  test(`${rules} leaves out ${excluded}`, () => {
    const plan = planText(excluding(rules));
    expect(plan.problems).toEqual([]);
    expect([plan.excluded, plan.specs.length]).toEqual([excluded, 10 - excluded]);
  });

const checkRefused = (name: string, rules: string, expected: string) =>
  test(name, () => expect(diagnose(excluding(rules))).toBe(lines(expected)));

describe("exclude", () => {
  checkExcluded("{arm: lora, lora.r: 16, seed: 1}", 1);
  checkExcluded("{arm: lora}", 6);
  checkExcluded("{seed: 1}", 5);
  checkExcluded("{lr: 5e-5, arm: full}", 2);
  checkExcluded("{train.epochs: 5, seed: 0}", 5);
  checkExcluded("{lora.target_modules: [query, value]}", 6);
  checkExcluded("{lora.r: 4}, {arm: lora, seed: 0}", 4);

  checkRefused(
    "a rule that matches nothing",
    "{arm: full, lora.r: 16}, {seed: 7}, {seed: 1}",
    `
    s.yaml:14:11: this rule matches no trial
      exclude: [{arm: full, lora.r: 16}, {seed: 7}, {seed: 1}]
                ^^^^^^^^^^^^^^^^^^^^^^^

    s.yaml:14:36: this rule matches no trial
      exclude: [{arm: full, lora.r: 16}, {seed: 7}, {seed: 1}]
                                         ^^^^^^^^^
    `,
  );
  checkRefused(
    "a rule for an arm that does not exist",
    "{arm: loar}",
    `
    s.yaml:14:17: there is no arm "loar"; did you mean "lora"? (arms: full, lora)
      exclude: [{arm: loar}]
                      ^^^^
    `,
  );
});

test("arms that make the same trial are shown at both places, once", () => {
  const text = `
name: s
dataset: {root: data}
seeds: [0, 1]
arms:
  first: {model: m, method: full, lr: {grid: [1e-5, 5e-5]}}
  second: {model: m, method: full}
`;
  expect(diagnose(text)).toBe(
    lines(`
      s.yaml:6:3: arm "first" repeats a trial of arm "second" (lr=5e-5, seed=0)
          first: {model: m, method: full, lr: {grid: [1e-5, 5e-5]}}
          ^^^^^
      s.yaml:7:3: the same trial comes from here
          second: {model: m, method: full}
          ^^^^^^
      `),
  );
});

test("a hundred thousand trials are planned with an id each", () => {
  const text = `
name: s
dataset: {root: data}
seeds: [${Array.from({ length: 20 }, (_, seed) => seed).join(", ")}]
arms:
  lora:
    model: m
    method: lora
    lora: {r: {choice: [4, 8, 16], samples: 5000}, dropout: {uniform: [0, 0.5], samples: 5000}}
    lr: {log_uniform: [1e-5, 1e-3], samples: 5000}
`;
  expect(new Set(idsOf(text)).size).toBe(100_000);
});
