import type { DemoRandom } from "./demo-random.ts";
import {
  type LoneObject,
  opposite,
  type PairScene,
  type Place,
  type Relation,
  type SceneObject,
  type Shape,
} from "./demo-scene.ts";

const CAPTIONS_PER_IMAGE = 5;

/** Nouns for a shape; the plain one most often. */
const NOUNS: Record<Shape, readonly string[]> = {
  circle: ["circle", "circle", "circle", "ball"],
  square: ["square", "square", "square", "box"],
  triangle: ["triangle"],
  star: ["star"],
  cross: ["cross"],
  ring: ["ring", "ring", "ring", "hoop"],
};

const SIZES: Record<SceneObject["size"], readonly string[]> = {
  small: ["small", "small", "little"],
  large: ["large", "large", "big"],
};

const RELATED: Record<Relation, readonly string[]> = {
  left: ["to the left of", "left of", "on the left of"],
  right: ["to the right of", "right of", "on the right of"],
  above: ["above", "over"],
  below: ["below", "under", "beneath"],
};

const POSITIONS: Record<Relation, readonly string[]> = {
  left: ["on the left"],
  right: ["on the right"],
  above: ["at the top", "on top"],
  below: ["at the bottom"],
};

const FROM_IT: Record<Relation, string> = {
  left: "to its left",
  right: "to its right",
  above: "above it",
  below: "below it",
};

const NEAR = ["next to", "beside", "near"];
const INTRODUCTIONS = ["a picture of", "an image of", "there is"];
const COUNTS = ["two shapes", "two things", "two objects"];

/** A caption's words for a scene; each names both objects, from the first one's side. */
type PairTemplate = (scene: PairScene, random: DemoRandom) => string;

const PAIR_TEMPLATES: readonly PairTemplate[] = [
  ({ subject, relation, other }, random) =>
    join(noun(random, subject, "a"), random.pick(RELATED[relation]), noun(random, other, "a")),
  ({ subject, relation, other }, random) =>
    join(
      noun(random, subject, "the"),
      "is",
      random.pick(RELATED[relation]),
      noun(random, other, "the"),
    ),
  ({ subject, relation, other, background }, random) =>
    join(
      noun(random, subject, "a"),
      random.pick(RELATED[relation]),
      noun(random, other, "a"),
      `on a ${background.pattern} background`,
    ),
  ({ subject, relation, other }, random) =>
    join(
      random.pick(INTRODUCTIONS),
      noun(random, subject, "a"),
      random.pick(RELATED[relation]),
      noun(random, other, "a"),
    ),
  ({ subject, relation, other }, random) =>
    join(
      noun(random, subject, "a"),
      random.pick(POSITIONS[relation]),
      "and",
      noun(random, other, "a"),
      random.pick(POSITIONS[opposite(relation)]),
    ),
  ({ subject, relation, other }, random) =>
    join(noun(random, subject, "a"), "with", noun(random, other, "a"), FROM_IT[opposite(relation)]),
  ({ subject, other }, random) =>
    join(noun(random, subject, "a"), random.pick(NEAR), noun(random, other, "a")),
  ({ subject, other, background }, random) =>
    join(
      `${random.pick(COUNTS)},`,
      noun(random, subject, "a"),
      "and",
      noun(random, other, "a"),
      random.pick(["", `on a ${background.pattern} background`]),
    ),
];

type LoneTemplate = (picture: LoneObject, random: DemoRandom) => string;

const LONE_TEMPLATES: readonly LoneTemplate[] = [
  ({ object }, random) => noun(random, object, "a"),
  ({ object }) => `the ${object.shape} is ${object.colour}`,
  ({ object }, random) => join(random.pick(INTRODUCTIONS), noun(random, object, "a")),
  ({ object, place }, random) => join(noun(random, object, "a"), random.pick(placed(place))),
  ({ object, place }, random) =>
    join(noun(random, object, "the"), "is", random.pick(placed(place))),
  ({ object, place }, random) =>
    join(noun(random, object, "a"), random.pick(fromMiddle(place)), "the middle"),
  ({ object, place }, random) =>
    join(
      noun(random, object, "a"),
      place === "middle" ? "" : `with space ${FROM_IT[opposite(place)]}`,
    ),
  ({ object, background }, random) =>
    join("one thing,", noun(random, object, "a"), `on a ${background.pattern} background`),
];

/** Five captions of a scene, as different people would word them. */
export function pairCaptions(random: DemoRandom, scene: PairScene): string[] {
  const { subject, relation, other } = scene;
  const turned = { ...scene, subject: other, relation: opposite(relation), other: subject };
  return random
    .sample(PAIR_TEMPLATES, CAPTIONS_PER_IMAGE)
    .map((template) => template(random.oneIn(3) ? turned : scene, random))
    .map((caption) => written(random, caption));
}

/** Five plain captions of a picture of the simple domain. */
export function loneCaptions(random: DemoRandom, picture: LoneObject): string[] {
  return random
    .sample(LONE_TEMPLATES, CAPTIONS_PER_IMAGE)
    .map((template) => template(picture, random))
    .map((caption) => written(random, caption));
}

function noun(random: DemoRandom, object: SceneObject, article: "a" | "the"): string {
  const size = random.oneIn(2) ? random.pick(SIZES[object.size]) : "";
  const colour = object.colour;
  const words = join(size, colour, random.pick(NOUNS[object.shape]));
  return `${article === "a" && words.startsWith("orange") ? "an" : article} ${words}`;
}

function placed(place: Place): readonly string[] {
  return place === "middle" ? ["in the middle"] : POSITIONS[place];
}

function fromMiddle(place: Place): readonly string[] {
  return place === "middle" ? NEAR : RELATED[place];
}

/** As people type: some with a capital, some with a full stop. */
function written(random: DemoRandom, caption: string): string {
  const first = random.oneIn(2) ? caption.charAt(0).toUpperCase() : caption.charAt(0);
  return `${first}${caption.slice(1)}${random.oneIn(2) ? "." : ""}`;
}

function join(...parts: readonly string[]): string {
  return parts.filter((part) => part !== "").join(" ");
}
