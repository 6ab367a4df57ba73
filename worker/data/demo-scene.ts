import type { DemoRandom } from "./demo-random.ts";

/** Pictures are squares of this many pixels. */
export const DEMO_IMAGE_SIZE = 64;

export const SHAPES = ["circle", "square", "triangle", "star", "cross", "ring"] as const;
export type Shape = (typeof SHAPES)[number];

export const COLOURS = [
  "red",
  "orange",
  "yellow",
  "green",
  "blue",
  "purple",
  "white",
  "black",
] as const;
export type Colour = (typeof COLOURS)[number];

/** Where an object is, seen from the other one. */
export const RELATIONS = ["left", "above", "right", "below"] as const;
export type Relation = (typeof RELATIONS)[number];

/** A part of the picture. */
export type Place = Relation | "middle";

export const PATTERNS = ["plain", "striped", "dotted", "checked"] as const;
export type Pattern = (typeof PATTERNS)[number];

type Rgb = readonly [number, number, number];

export interface SceneObject {
  shape: Shape;
  colour: Colour;
  size: "small" | "large";
  /** Its centre, in pixels. */
  x: number;
  y: number;
  paint: Rgb;
}

export interface Background {
  pattern: Pattern;
  /** Ground, and the pattern's marks. */
  paints: readonly [Rgb, Rgb];
  /** Change of brightness across the picture, in levels. */
  slope: readonly [number, number];
}

/** One object of the simple domain, and which part of the picture it is in. */
export interface LoneObject {
  object: SceneObject;
  background: Background;
  place: Place;
}

/** Two objects side by side or one over the other: `subject` is `relation` of `other`. */
export interface PairScene {
  subject: SceneObject;
  relation: Relation;
  other: SceneObject;
  background: Background;
}

/** An object as one triple of what validation scenes combine anew. */
export interface Combination {
  shape: Shape;
  colour: Colour;
  relation: Relation;
}

const PAINTS: Record<Colour, Rgb> = {
  red: [210, 40, 40],
  orange: [240, 135, 25],
  yellow: [240, 220, 50],
  green: [45, 150, 60],
  blue: [40, 80, 200],
  purple: [130, 50, 160],
  white: [245, 245, 245],
  black: [20, 20, 20],
};
const PAIR_GROUNDS: readonly Rgb[] = [
  [150, 150, 150],
  [190, 170, 140],
  [120, 140, 150],
  [175, 150, 160],
];
const LONE_GROUNDS: readonly Rgb[] = [
  [130, 135, 140],
  [165, 175, 165],
  [180, 160, 150],
  [110, 120, 120],
];
const PAINT_SPREAD = 10;
const GROUND_SPREAD = 8;
const MARK_CONTRAST = 28;
const MAX_SLOPE = 12;
const HELD_OUT_EVERY = 4;
/** Half of an object's extent, in pixels. */
export const RADII: Record<SceneObject["size"], number> = { small: 8, large: 14 };
/** How far a centre may be from the middle of its side: few places are soon learned. */
const OFFSETS: Record<SceneObject["size"], readonly number[]> = { small: [-8, 0, 8], large: [0] };
const HALF = DEMO_IMAGE_SIZE / 2;
const QUARTER = DEMO_IMAGE_SIZE / 4;

/** Across the picture, then down: a side's distance from the middle, in quarters. */
const SIDES: Record<Place, readonly [number, number]> = {
  middle: [0, 0],
  left: [-1, 0],
  above: [0, -1],
  right: [1, 0],
  below: [0, 1],
};

export function opposite(relation: Relation): Relation {
  return RELATIONS[(RELATIONS.indexOf(relation) + 2) % RELATIONS.length]!;
}

/**
 * Whether a combination is kept for validation: one in four, such that training has every pair of
 * shape and colour, shape and relation, and colour and relation.
 */
export function isHeldOut({ shape, colour, relation }: Combination): boolean {
  const sum = SHAPES.indexOf(shape) + COLOURS.indexOf(colour) + RELATIONS.indexOf(relation);
  return sum % HELD_OUT_EVERY === 0;
}

/** The combinations that a scene shows: one for each object. */
export function combinationsOf({ subject, relation, other }: PairScene): Combination[] {
  return [
    { shape: subject.shape, colour: subject.colour, relation },
    { shape: other.shape, colour: other.colour, relation: opposite(relation) },
  ];
}

/** A scene of two objects: none held out for training, at least one for validation. */
export function drawPair(random: DemoRandom, purpose: "training" | "validation"): PairScene {
  for (;;) {
    const relation = random.pick(RELATIONS);
    const scene: PairScene = {
      subject: drawObject(random, relation),
      relation,
      other: drawObject(random, opposite(relation)),
      background: background(random, PAIR_GROUNDS, random.pick(PATTERNS)),
    };
    const { subject, other } = scene;
    const alike = subject.shape === other.shape && subject.colour === other.colour;
    const showsHeldOut = combinationsOf(scene).some(isHeldOut);
    if (!alike && showsHeldOut === (purpose === "validation")) return scene;
  }
}

/** A picture of the simple domain: one object on other grounds, anywhere. */
export function drawLone(random: DemoRandom): LoneObject {
  const place = random.pick([...RELATIONS, "middle"] as const);
  return {
    object: drawObject(random, place),
    background: background(random, LONE_GROUNDS, "plain"),
    place,
  };
}

function drawObject(random: DemoRandom, place: Place): SceneObject {
  const size = random.pick(["small", "large"] as const);
  const [across, down] = SIDES[place];
  const x = HALF + across * QUARTER + random.pick(OFFSETS[size]);
  const y = HALF + down * QUARTER + random.pick(OFFSETS[size]);
  return { ...look(random), size, x, y };
}

function look(random: DemoRandom): Pick<SceneObject, "shape" | "colour" | "paint"> {
  const colour = random.pick(COLOURS);
  return {
    shape: random.pick(SHAPES),
    colour,
    paint: varied(random, PAINTS[colour], PAINT_SPREAD),
  };
}

function background(random: DemoRandom, grounds: readonly Rgb[], pattern: Pattern): Background {
  const ground = varied(random, random.pick(grounds), GROUND_SPREAD);
  const contrast = random.pick([-MARK_CONTRAST, MARK_CONTRAST]);
  const [red, green, blue] = ground;
  return {
    pattern,
    paints: [ground, [red + contrast, green + contrast, blue + contrast]],
    slope: [random.between(-MAX_SLOPE, MAX_SLOPE), random.between(-MAX_SLOPE, MAX_SLOPE)],
  };
}

function varied(random: DemoRandom, [red, green, blue]: Rgb, spread: number): Rgb {
  const vary = (level: number) => level + random.between(-spread, spread);
  return [vary(red), vary(green), vary(blue)];
}
