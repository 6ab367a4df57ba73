/**
 * IEEE 754 binary16: 1 sign, 5 exponent (bias 15) and 10 fraction bits. Both ways go by bits, so
 * that every half comes back as it was, NaN with what it carries too.
 */

const INFINITE = 0x7f800000;
/** 65520, halfway between the largest half and the next power of two, as a float32. */
const OVERFLOW = 0x477ff000;
/** 2^-14, the smallest normal half, as a float32. */
const SMALLEST_NORMAL = 0x38800000;
/** What a float32's exponent bits say more than a half's, in place: 127 - 15. */
const REBIAS = 112 << 23;

/** Floats as halves, to the nearest and of two as near to the even one; too large is infinite. */
export function floatsToHalves(floats: Float32Array): Uint16Array<ArrayBuffer> {
  const bits = new Uint32Array(floats.buffer, floats.byteOffset, floats.length);
  const halves = new Uint16Array(bits.length);
  for (let index = 0; index < bits.length; index += 1) halves[index] = toHalf(bits[index]!);
  return halves;
}

/** Halves as floats, exactly. */
export function halvesToFloats(halves: Uint16Array): Float32Array<ArrayBuffer> {
  const bits = new Uint32Array(halves.length);
  for (let index = 0; index < bits.length; index += 1) bits[index] = BITS_OF_HALF[halves[index]!]!;
  return new Float32Array(bits.buffer);
}

function toHalf(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude >= OVERFLOW) {
    if (magnitude <= INFINITE) return sign | 0x7c00;
    return sign | 0x7c00 | ((magnitude >>> 13) & 0x3ff || 0x200);
  }
  if (magnitude >= SMALLEST_NORMAL) return sign | rounded(magnitude - REBIAS, 13);
  const shift = 126 - (magnitude >>> 23);
  return shift > 24 ? sign : sign | rounded((magnitude & 0x7fffff) | 0x800000, shift);
}

/** `value` / 2^`shift`, to the nearest and of two as near to the even one. */
function rounded(value: number, shift: number): number {
  const justUnderHalf = (1 << (shift - 1)) - 1;
  return (value + justUnderHalf + ((value >>> shift) & 1)) >>> shift;
}

const BITS_OF_HALF = Uint32Array.from({ length: 2 ** 16 }, (_, half) => toFloatBits(half));

function toFloatBits(half: number): number {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >>> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0x1f) return sign | INFINITE | (fraction << 13);
  if (exponent > 0) return sign | (((half & 0x7fff) << 13) + REBIAS);
  // A subnormal half is a normal float32: its highest bit becomes the one that is not written.
  if (fraction === 0) return sign;
  const shift = Math.clz32(fraction) - 21;
  return sign | ((113 - shift) << 23) | (((fraction << shift) & 0x3ff) << 13);
}
