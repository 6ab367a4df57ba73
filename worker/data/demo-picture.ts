import type { Raster } from "./bicubic-resize.ts";
import {
  type Background,
  DEMO_IMAGE_SIZE,
  type Pattern,
  RADII,
  type SceneObject,
  type Shape,
} from "./demo-scene.ts";

const CHANNELS = 3;
/** Samples a pixel each way: the share that falls into a shape is its coverage. */
const SAMPLES = 4;
const MARK_PERIOD = 8;

/** A point of a shape's own square: -1 to 1 across and down. */
type Inside = (u: number, v: number) => boolean;

/** Five points around the middle, the first on top; radii 1 and 0.42. */
const STAR: readonly (readonly [number, number])[] = [
  [0, -1],
  [0.247, -0.34],
  [0.951, -0.309],
  [0.399, 0.13],
  [0.588, 0.809],
  [0, 0.42],
  [-0.588, 0.809],
  [-0.399, 0.13],
  [-0.951, -0.309],
  [-0.247, -0.34],
];

// Only sums, products and comparisons, so that every machine draws the same bytes.
const INSIDE: Record<Shape, Inside> = {
  circle: (u, v) => u * u + v * v <= 1,
  ring: (u, v) => u * u + v * v <= 1 && u * u + v * v >= 0.3,
  square: (u, v) => Math.max(Math.abs(u), Math.abs(v)) <= 0.85,
  triangle: (u, v) => v <= 0.8 && Math.abs(u) <= (v + 1) * 0.55,
  cross: (u, v) => Math.min(Math.abs(u), Math.abs(v)) <= 0.3,
  star: insideStar,
};

const MARKED: Record<Pattern, (x: number, y: number) => boolean> = {
  plain: () => false,
  striped: (_, y) => y % MARK_PERIOD < MARK_PERIOD / 2,
  checked: (x, y) => (Math.floor(x / MARK_PERIOD) + Math.floor(y / MARK_PERIOD)) % 2 === 0,
  dotted: (x, y) => {
    const across = (x % MARK_PERIOD) - MARK_PERIOD / 2;
    const down = (y % MARK_PERIOD) - MARK_PERIOD / 2;
    return across * across + down * down < MARK_PERIOD;
  },
};

/** Paints objects on a background, with smooth edges; the same bytes on every machine. */
export function paintPicture(background: Background, objects: readonly SceneObject[]): Raster {
  const size = DEMO_IMAGE_SIZE;
  const data = new Uint8Array(size * size * CHANNELS);
  for (let y = 0, at = 0; y < size; y += 1) {
    for (let x = 0; x < size; x += 1) {
      let levels = groundLevels(background, x, y);
      for (const object of objects) {
        const covered = coverage(object, x, y);
        levels = levels.map((level, channel) => {
          return level + (object.paint[channel]! - level) * covered;
        });
      }
      for (const level of levels) data[at++] = Math.round(Math.min(Math.max(level, 0), 255));
    }
  }
  return { width: size, height: size, channels: CHANNELS, data };
}

function groundLevels({ pattern, paints, slope }: Background, x: number, y: number): number[] {
  const paint = MARKED[pattern](x, y) ? paints[1] : paints[0];
  const light = slope[0] * (x / DEMO_IMAGE_SIZE - 0.5) + slope[1] * (y / DEMO_IMAGE_SIZE - 0.5);
  return paint.map((level) => level + light);
}

/** The share of a pixel that lies in an object. */
function coverage({ shape, size, x, y }: SceneObject, column: number, row: number): number {
  const radius = RADII[size];
  if (Math.max(Math.abs(column - x), Math.abs(row - y)) > radius + 1) return 0;
  let inside = 0;
  for (let down = 0; down < SAMPLES; down += 1) {
    const v = (row + (down + 0.5) / SAMPLES - y) / radius;
    for (let across = 0; across < SAMPLES; across += 1) {
      const u = (column + (across + 0.5) / SAMPLES - x) / radius;
      if (Math.max(Math.abs(u), Math.abs(v)) <= 1 && INSIDE[shape](u, v)) inside += 1;
    }
  }
  return inside / (SAMPLES * SAMPLES);
}

/** The even-odd rule over the star's edges. */
function insideStar(u: number, v: number): boolean {
  let inside = false;
  for (const [index, [x1, y1]] of STAR.entries()) {
    const [x2, y2] = STAR[(index + 1) % STAR.length]!;
    if (y1 > v !== y2 > v && u < x1 + ((v - y1) * (x2 - x1)) / (y2 - y1)) inside = !inside;
  }
  return inside;
}
