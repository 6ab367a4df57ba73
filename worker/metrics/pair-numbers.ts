const FIRST_CAPACITY = 1024;

/**
 * Numbers pairs of integers by first appearance, 0, 1, 2, …: a hash table in typed arrays, for
 * millions of pairs. A table can go on from another, which must not grow meanwhile.
 */
export class PairNumbers {
  readonly #base: PairNumbers | null;
  readonly #first: number;
  #size = 0;
  /** Three places a slot: the pair, and its number plus one; 0 marks a free slot. */
  #slots = new Int32Array(3 * FIRST_CAPACITY);

  constructor(base: PairNumbers | null) {
    this.#base = base;
    this.#first = base === null ? 0 : base.count;
  }

  /** How many pairs have a number, those of the base among them. */
  get count(): number {
    return this.#first + this.#size;
  }

  /** The number of a pair; a new pair gets the next one. */
  of(left: number, right: number): number {
    if (this.#base !== null) {
      const slot = this.#base.#slotOf(left, right);
      const number = this.#base.#slots[slot + 2]!;
      if (number > 0) return number - 1;
    }
    let slot = this.#slotOf(left, right);
    if (this.#slots[slot + 2] === 0) {
      if (6 * this.#size >= this.#slots.length) {
        this.#grow();
        slot = this.#slotOf(left, right);
      }
      this.#slots[slot] = left;
      this.#slots[slot + 1] = right;
      this.#slots[slot + 2] = this.#first + this.#size + 1;
      this.#size++;
    }
    return this.#slots[slot + 2]! - 1;
  }

  /** Where the pair is, or the free slot where it belongs. */
  #slotOf(left: number, right: number): number {
    const slots = this.#slots;
    let hash = Math.imul(left, 0x9e3779b1) ^ Math.imul(right + 1, 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
    let slot = 3 * ((hash ^ (hash >>> 13)) & (slots.length / 3 - 1));
    while (slots[slot + 2] !== 0 && (slots[slot] !== left || slots[slot + 1] !== right)) {
      slot = slot + 3 === slots.length ? 0 : slot + 3;
    }
    return slot;
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = new Int32Array(2 * old.length);
    for (let from = 0; from < old.length; from += 3) {
      if (old[from + 2] === 0) continue;
      this.#slots.set(old.subarray(from, from + 3), this.#slotOf(old[from]!, old[from + 1]!));
    }
  }
}
