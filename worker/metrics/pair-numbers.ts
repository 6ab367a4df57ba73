const FIRST_CAPACITY = 2 ** 16;

/** A slot holds the pair and its number plus one, 0 where it is free; one place aligns it. */
const SLOT_BITS = 2;

/**
 * Numbers pairs of integers by first appearance, 0, 1, 2, …: a hash table in typed arrays, for
 * millions of pairs. A table can go on from another, which must not grow meanwhile.
 */
export class PairNumbers {
  readonly #base: PairNumbers | null;
  readonly #first: number;
  #size = 0;
  #capacity = FIRST_CAPACITY;
  #slots = new Int32Array(FIRST_CAPACITY << SLOT_BITS);

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
    const slot = this.#slotOf(left, right);
    const number = this.#slots[slot + 2]!;
    return number > 0 ? number - 1 : this.#add(slot, left, right);
  }

  #add(slot: number, left: number, right: number): number {
    const number = this.count;
    this.#slots[slot] = left;
    this.#slots[slot + 1] = right;
    this.#slots[slot + 2] = number + 1;
    this.#size++;
    if (2 * this.#size > this.#capacity) this.#grow();
    return number;
  }

  /** Where the pair is, or the free slot where it belongs. */
  #slotOf(left: number, right: number): number {
    const slots = this.#slots;
    const mask = this.#capacity - 1;
    let hash = Math.imul(left, 0x9e3779b1) ^ Math.imul(right + 1, 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
    let place = (hash ^ (hash >>> 13)) & mask;
    for (;;) {
      const slot = place << SLOT_BITS;
      if (slots[slot + 2] === 0 || (slots[slot] === left && slots[slot + 1] === right)) return slot;
      place = (place + 1) & mask;
    }
  }

  #grow(): void {
    const old = this.#slots;
    this.#capacity *= 4;
    this.#slots = new Int32Array(this.#capacity << SLOT_BITS);
    for (let from = 0; from < old.length; from += 1 << SLOT_BITS) {
      if (old[from + 2] === 0) continue;
      const slot = this.#slotOf(old[from]!, old[from + 1]!);
      this.#slots[slot] = old[from]!;
      this.#slots[slot + 1] = old[from + 1]!;
      this.#slots[slot + 2] = old[from + 2]!;
    }
  }
}
