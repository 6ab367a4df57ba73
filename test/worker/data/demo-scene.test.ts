import { describe, expect, it } from "vitest";
import { paintPicture } from "../../../worker/data/demo-picture.ts";
import { DemoRandom } from "../../../worker/data/demo-random.ts";
import {
  type Combination,
  COLOURS,
  combinationsOf,
  drawPair,
  isHeldOut,
  RADII,
  RELATIONS,
  type Shape,
  SHAPES,
} from "../../../worker/data/demo-scene.ts";

const SCENES = 400;

const combinations = (purpose: "training" | "validation") =>
  Array.from({ length: SCENES }, (_, index) =>
    combinationsOf(drawPair(new DemoRandom(`scene ${index}`), purpose)),
  );
const named = ({ shape, colour, relation }: Combination) => `${shape} ${colour} ${relation}`;

describe("scenes", () => {
  it("of validation each show a combination that no training scene shows", () => {
    const training = new Set(combinations("training").flat().map(named));
    for (const scene of combinations("validation")) {
      expect(scene.map(named).filter((name) => training.has(name)).length).toBeLessThan(2);
    }
    const trainable = SHAPES.length * COLOURS.length * RELATIONS.length * 0.75;
    expect(training.size / trainable).toBeGreaterThan(0.9);
  });

  it("of training can show every pair of what a combination is made of", () => {
    const kept = SHAPES.flatMap((shape) =>
      COLOURS.flatMap((colour) => RELATIONS.map((relation) => ({ shape, colour, relation }))),
    ).filter((combination) => !isHeldOut(combination));
    const pairs = (one: keyof Combination, other: keyof Combination) =>
      new Set(kept.map((combination) => `${combination[one]} ${combination[other]}`)).size;
    expect(pairs("shape", "colour")).toBe(SHAPES.length * COLOURS.length);
    expect(pairs("shape", "relation")).toBe(SHAPES.length * RELATIONS.length);
    expect(pairs("colour", "relation")).toBe(COLOURS.length * RELATIONS.length);
  });

  it("have their subject where its relation says, and objects that do not touch", () => {
    for (let index = 0; index < SCENES; index += 1) {
      const scene = drawPair(new DemoRandom(`place ${index}`), "training");
      const { subject, other, relation } = scene;
      const across = subject.x - other.x;
      const down = subject.y - other.y;
      const distance = { left: -across, right: across, above: -down, below: down }[relation];
      expect(distance).toBeGreaterThanOrEqual(RADII[subject.size] + RADII[other.size]);
    }
  });
});

describe("a painted shape", () => {
  const black = {
    pattern: "plain",
    paints: [
      [0, 0, 0],
      [0, 0, 0],
    ],
    slope: [0, 0],
  } as const;
  /** Areas in squares of the radius, from geometry. */
  const areas: Record<Shape, number> = {
    circle: Math.PI,
    ring: 0.7 * Math.PI,
    square: 1.7 ** 2,
    triangle: 0.55 * 1.8 ** 2,
    cross: 4 - 1.4 ** 2,
    star: 5 * 0.42 * Math.sin(Math.PI / 5),
  };

  it.each(SHAPES)("covers the area of a %s", (shape) => {
    const paint = [200, 200, 200] as const;
    const object = { shape, colour: "white", size: "large", x: 30, y: 33, paint } as const;
    const { data } = paintPicture(black, [object]);
    const painted = data.reduce((sum, level) => sum + level, 0) / 3 / 200;
    expect(painted / (areas[shape] * RADII.large ** 2)).toBeCloseTo(1, 1);
  });
});
