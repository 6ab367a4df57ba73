import { uniformValues } from "../tensor/seeded-values.ts";

const DRAWS_AT_A_TIME = 64;

/** Draws fixed by a key alone, the same on every machine. */
export class DemoRandom {
  readonly #key: string;
  #draws: Float32Array = new Float32Array(0);
  #drawn = 0;

  constructor(key: string) {
    this.#key = key;
  }

  /** A number in [low, high). */
  between(low: number, high: number): number {
    return low + (high - low) * this.#fraction();
  }

  /** One of the items, all equally likely. */
  pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.#fraction() * items.length)]!;
  }

  /** True once in `times`. */
  oneIn(times: number): boolean {
    return this.#fraction() * times < 1;
  }

  /** `count` different items, in random order. */
  sample<T>(items: readonly T[], count: number): T[] {
    const rest = [...items];
    return Array.from({ length: count }, () => {
      const [chosen] = rest.splice(Math.floor(this.#fraction() * rest.length), 1);
      return chosen!;
    });
  }

  #fraction(): number {
    const at = this.#drawn % DRAWS_AT_A_TIME;
    if (at === 0) {
      const key = `${this.#key}/${this.#drawn}`;
      this.#draws = uniformValues({ key, count: DRAWS_AT_A_TIME }, [0, 1]);
    }
    this.#drawn += 1;
    // Rounding to float32 can reach 1.
    return this.#draws[at]! % 1;
  }
}
