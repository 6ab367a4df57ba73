import { describe, expect, it } from "vitest";
import { CounterRandom } from "../../../worker/train/counter-random.ts";

const draws = (random: CounterRandom) => Array.from({ length: 20 }, () => random.below(1000));

describe("CounterRandom", () => {
  it("gives the big-endian words of SHA-256 over key and counter, as Python's hashlib does", () => {
    const random = new CounterRandom("some key");
    const words = Array.from({ length: 10 }, () => random.word());
    expect(words).toEqual([
      2683780316, 2039341406, 4183765020, 2393634196, 3145987411, 1960391134, 3364183234, 613711736,
      3619301585, 2819801928,
    ]);
  });

  it("is fixed by its key alone", () => {
    const first = new CounterRandom("a");
    new CounterRandom("b").word();
    const second = new CounterRandom("a");
    expect(draws(second)).toEqual(draws(first));
  });

  it("draws every integer below a limit about equally often", () => {
    const random = new CounterRandom("uniform");
    const counts = [0, 0, 0, 0, 0];
    for (let drawn = 0; drawn < 5000; drawn += 1) counts[random.below(5)]! += 1;
    // Chi-squared with 4 degrees of freedom: above 18.5 once in a thousand keys.
    const chiSquared = counts.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
    expect(chiSquared).toBeLessThan(18.5);
  });
});
