import {
  assert,
  constantFrom,
  double,
  integer,
  nat,
  property,
  record,
  stringMatching,
  uniqueArray,
} from "fast-check";
import { describe, expect, test } from "vitest";
import { diagnose, lines, planText } from "./diagnose.ts";

/** One arm in flow style, written on a line of its own. */
function sweepOf(...arms: string[]): string {
  return ["name: s", "dataset: {root: data}", "arms:", ...arms.map((arm) => `  ${arm}`)].join("\n");
}

function paramsOf(text: string, arm: string) {
  return planText(text).specs.flatMap((spec) => (spec.arm === arm ? [spec.params] : []));
}

const checkPoints = (name: string, arm: string, expected: object[]) =>
  test(name, () => {
    expect(paramsOf(sweepOf(`a: {model: m, method: lora, ${arm}}`), "a")).toEqual(expected);
  });

describe("points", () => {
  checkPoints("an arm without swept values has one", "lr: 1e-5", [{}]);
  checkPoints(
    "grids multiply, the later one varying fastest",
    "lr: {grid: [1, 2]}, lora: {r: {grid: [4, 8]}}",
    [
      { lr: 1, "lora.r": 4 },
      { lr: 1, "lora.r": 8 },
      { lr: 2, "lora.r": 4 },
      { lr: 2, "lora.r": 8 },
    ],
  );
  checkPoints("lists are values too", "lora: {target_modules: {grid: [[query], [query, value]]}}", [
    { "lora.target_modules": ["query"] },
    { "lora.target_modules": ["query", "value"] },
  ]);
  checkPoints(
    "zipped parameters advance together",
    "zip: {lr: [1, 2], train.batch_size: [8, 16]}",
    [
      { lr: 1, batch_size: 8 },
      { lr: 2, batch_size: 16 },
    ],
  );
  checkPoints(
    "groups of zipped parameters multiply, with grids as well",
    "epochs: {grid: [1, 2]}, zip: [{lr: [1, 2], lora.r: [4, 8]}, {batch_size: [8]}]",
    [
      { epochs: 1, batch_size: 8, lr: 1, "lora.r": 4 },
      { epochs: 1, batch_size: 8, lr: 2, "lora.r": 8 },
      { epochs: 2, batch_size: 8, lr: 1, "lora.r": 4 },
      { epochs: 2, batch_size: 8, lr: 2, "lora.r": 8 },
    ],
  );

  test("an arm takes what the sweep's train says, unless it says otherwise", () => {
    const text = `${sweepOf("a: {model: m, method: full}", "b: {model: m, method: full, lr: 7}")}
train: {lr: {grid: [1, 2]}}`;
    expect(paramsOf(text, "a")).toEqual([{ lr: 1 }, { lr: 2 }]);
    expect(paramsOf(text, "b")).toEqual([{}]);
  });

  test("a key of train means the same directly in an arm and under train", () => {
    const direct = planText(sweepOf("a: {model: m, method: full, decode: {num_beams: 1}}"));
    const under = planText(sweepOf("a: {model: m, method: full, train: {decode: {num_beams: 1}}}"));
    expect(under.specs).toEqual(direct.specs);
  });
});

// Computed with Python: int(sha256(json.dumps([0, "lora", PATH, INDEX])).hexdigest()[:13], 16) /
// 2**52 is 0.44424…, 0.18183…, 0.50504…, 0.44464… for the path "lr" and the indices 0 to 3.
const checkDraws = (axis: string, expected: unknown[]) =>
  test(axis, () => {
    const text = sweepOf(`lora: {model: m, method: lora, lr: {${axis}}}`);
    expect(paramsOf(text, "lora")).toEqual(expected.map((lr) => ({ lr })));
  });

describe("draws are those of SHA-256 over sampling seed, arm, path and index", () => {
  checkDraws("log_uniform: [1e-5, 1e-3], samples: 3", [7.73537e-5, 2.31028e-5, 1.02352e-4]);
  checkDraws("uniform: [0.1, 0.6], samples: 4", [0.32212, 0.190916, 0.352524, 0.322325]);
  checkDraws("int_uniform: [1, 6], samples: 3", [3, 2, 4]);
  checkDraws("choice: [1, 2, 3], samples: 2", [2, 1]);
});

test("a repeated draw is passed over, so that every sample is a trial of its own", () => {
  const text = sweepOf(
    "a: {model: m, method: full, epochs: {choice: [1, 2, 3, 4, 5], samples: 5}}",
  );
  const drawn = paramsOf(text, "a").map(({ epochs }) => epochs);
  expect(new Set(drawn)).toEqual(new Set([1, 2, 3, 4, 5]));
});

const sampledArm = record({
  name: stringMatching(/^[a-z][a-z0-9]{0,5}$/),
  samples: integer({ min: 1, max: 5 }),
  axis: constantFrom("log_uniform: [1e-6, 1]", "uniform: [0.001, 5]", "int_uniform: [1, 999999]"),
});

function sampledText(arms: { name: string; samples: number; axis: string }[]): string {
  return sweepOf(
    ...arms.map(({ name, samples, axis }) => {
      return `"${name}": {model: "${name}", method: full, lr: {${axis}, samples: ${samples}}}`;
    }),
  );
}

test("adding an arm changes no draw of another", () => {
  const distinct = uniqueArray(sampledArm, {
    minLength: 2,
    maxLength: 5,
    selector: (a) => a.name,
  });
  assert(
    property(distinct, nat(), (arms, at) => {
      const added = arms[at % arms.length];
      const others = arms.filter((arm) => arm !== added);
      for (const { name } of others) {
        expect(paramsOf(sampledText(arms), name)).toEqual(paramsOf(sampledText(others), name));
      }
    }),
    { numRuns: 50 },
  );
});

test("more samples change no earlier draw", () => {
  assert(
    property(sampledArm, integer({ min: 1, max: 5 }), (arm, more) => {
      const longer = { ...arm, samples: arm.samples + more };
      const draws = paramsOf(sampledText([longer]), arm.name);
      expect(draws.slice(0, arm.samples)).toEqual(paramsOf(sampledText([arm]), arm.name));
    }),
    { numRuns: 50 },
  );
});

test("every draw lies within its bounds", () => {
  assert(
    property(double({ min: 1e-9, max: 1, noNaN: true }), nat(1000), (low, seed) => {
      const axis = `log_uniform: [${low}, ${low * 3}], samples: 3`;
      const text = `${sweepOf(`a: {model: m, method: full, lr: {${axis}}}`)}\nsampling_seed: ${seed}`;
      for (const { lr } of paramsOf(text, "a")) {
        expect(lr).toBeGreaterThanOrEqual(low);
        expect(lr).toBeLessThanOrEqual(low * 3);
      }
    }),
    { numRuns: 50 },
  );
});

const checkProblem = (name: string, arm: string, expected: string) =>
  test(name, () => {
    expect(diagnose(sweepOf("a:", `  model: m`, "  method: full", ...arm.split("\n")))).toBe(
      lines(expected),
    );
  });

describe("combinations that make no sense", () => {
  checkProblem(
    "a value given twice in a grid",
    "  lr: {grid: [1e-5, 5e-5, 0.00001]}",
    `
    s.yaml:7:29: lr=1e-5 is given twice: its trials would be the same
          lr: {grid: [1e-5, 5e-5, 0.00001]}
                                  ^^^^^^^
    s.yaml:7:17: first given here
          lr: {grid: [1e-5, 5e-5, 0.00001]}
                      ^^^^
    `,
  );
  checkProblem(
    "a parameter given in two ways",
    "  lr: 1e-5\n  train: {lr: 1e-4}\n  epochs: 2\n  zip: {train.epochs: [1, 2]}",
    `
    s.yaml:8:13: "lr" is given twice in this arm
          train: {lr: 1e-4}
                  ^^
    s.yaml:7:5: first given here
          lr: 1e-5
          ^^

    s.yaml:10:11: "epochs" is given twice in this arm
          zip: {train.epochs: [1, 2]}
                ^^^^^^^^^^^^
    s.yaml:9:5: first given here
          epochs: 2
          ^^^^^^
    `,
  );
  checkProblem(
    "zipped lists of different length",
    "  zip: {lr: [1, 2], epochs: [1, 2, 3]}",
    `
    s.yaml:7:11: "lr" has 2 values but "epochs" has 3
          zip: {lr: [1, 2], epochs: [1, 2, 3]}
                ^^
    s.yaml:7:23: zipped with this
          zip: {lr: [1, 2], epochs: [1, 2, 3]}
                            ^^^^^^
    `,
  );
  checkProblem(
    "different numbers of joint draws",
    "  lr: {uniform: [1, 2], samples: 4}\n  epochs: {int_uniform: [1, 9], samples: 3}",
    `
    s.yaml:7:36: the sampled parameters of an arm are drawn together: "epochs" has 3 samples, "lr" has 4
          lr: {uniform: [1, 2], samples: 4}
                                         ^
    s.yaml:8:44: compare this one
          epochs: {int_uniform: [1, 9], samples: 3}
                                                 ^
    `,
  );
  checkProblem(
    "more draws than there are values",
    "  epochs: {int_uniform: [1, 3], samples: 4}",
    `
    s.yaml:7:44: only 3 different draws exist, fewer than 4 samples
          epochs: {int_uniform: [1, 3], samples: 4}
                                                 ^
    `,
  );
});

test("a product beyond any sweep is refused before it is made", () => {
  const values = Array.from({ length: 100 }, (_, index) => index + 1).join(", ");
  const axis = `{grid: [${values}]}`;
  const arm = `epochs: ${axis}, batch_size: ${axis}, decode: {max_new_tokens: ${axis}}`;
  expect(diagnose(sweepOf(`a: {model: m, method: full, ${arm}}`))).toMatch(
    /^s\.yaml:4:3: this arm has 1000000 points; a sweep may have 200000 trials\n/,
  );
});
