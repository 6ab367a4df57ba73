import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { NamedTensors } from "../tensor/named-tensors.ts";
import type { RunnableStep, StepRunner } from "../tensor/step-runner.ts";
import type { NextTokenModel } from "./caption-search.ts";
import type { Captioner, Decoded, DecoderSize, NextTokens } from "./captioner.ts";
import { scoreRows } from "./score-rows.ts";

/** A captioner's decoding, ready to be called for any images. */
export interface DecodingSteps {
  begin: RunnableStep;
  advance: RunnableStep;
  size: DecoderSize;
}

/** Fewer take as long: what counts then is reading the weights. */
const FEWEST_IMAGES = 4;

const SCORES = "scores";

/** Prepares the decoding of sequences of this size. */
export function decodingSteps(
  captioner: Captioner,
  runner: StepRunner,
  size: DecoderSize,
): DecodingSteps {
  const begin = runner.prepare((parameters, feeds) => {
    const start = { imageStates: fed(feeds, "imageStates"), firstIds: fed(feeds, "firstIds") };
    return named(captioner.begin(parameters, start, size));
  });
  const advance = runner.prepare((parameters, feeds) => {
    const next: NextTokens = {
      tokens: fed(feeds, "tokens"),
      parents: fed(feeds, "parents"),
      position: fed(feeds, "position"),
      visible: fed(feeds, "visible"),
    };
    return named(captioner.advance(parameters, next, feeds));
  });
  return { begin, advance, size };
}

function named({ scores, memory }: Decoded): NamedTensors {
  return { [SCORES]: scores, ...memory };
}

function fed(feeds: NamedTensors, name: string): Tensor {
  const tensor = feeds[name];
  if (tensor === undefined) throw new Error(`a decoding step was given no ${name}`);
  return tensor;
}

/** An unfinished sequence: its image's place in the memory, and its row at each of its tokens. */
interface Row {
  image: number;
  history: readonly number[];
}

/**
 * A captioner as a model of next tokens. Every image has room for as many rows as there are beams,
 * needed or not, and keeps it until half of the images are done: so there are few sizes to compile
 * for. `dispose` frees what is kept of images and tokens.
 */
export class CaptionDecoder implements NextTokenModel {
  readonly #steps: DecodingSteps;
  readonly #imageStates: Tensor;
  readonly #firstIds: readonly number[];
  #images: number;
  #memory: NamedTensors = {};
  #rows: Row[] = [];

  /** imageStates [B, …] */
  constructor(steps: DecodingSteps, imageStates: Tensor, firstIds: readonly number[]) {
    this.#steps = steps;
    this.#imageStates = imageStates;
    this.#firstIds = firstIds;
    this.#images = imageStates.shape[0]!;
  }

  start(): Promise<Float32Array[]> {
    const firstIds = Array.from({ length: this.#images }, () => [...this.#firstIds]);
    const feeds = { firstIds: tf.tensor2d(firstIds, undefined, "int32") };
    const history = this.#firstIds.map(() => 0);
    this.#rows = firstIds.map((_, image) => ({ image, history }));
    const scores = this.#run(this.#steps.begin, feeds, { imageStates: this.#imageStates });
    return scoreRows(scores);
  }

  async advance(next: { parents: number[]; tokens: number[] }): Promise<Float32Array[]> {
    const continued = this.#halved(next.parents.map((parent) => this.#rows[parent]!));
    const { beams } = this.#steps.size;
    const taken = Array.from({ length: this.#images }, () => 0);
    const places = continued.map(({ image }) => {
      const beam = taken[image]!;
      taken[image] = beam + 1;
      return image * beams + beam;
    });
    const feeds = this.#feeds(continued, places, next.tokens);
    this.#rows = continued.map(({ image, history }, row) => ({
      image,
      history: [...history, places[row]! - image * beams],
    }));
    const scores = await scoreRows(this.#run(this.#steps.advance, feeds, this.#memory));
    return places.map((place) => scores[place]!);
  }

  dispose(): void {
    tf.dispose(this.#memory);
    this.#memory = {};
  }

  /** Gives up the room of images that are done once half of it would do. */
  #halved(rows: Row[]): Row[] {
    const open = [...new Set(rows.map(({ image }) => image))];
    const images = sizesBelow(this.#images).findLast((size) => size >= open.length);
    if (images === undefined) return rows;
    // What fills the rest up does not matter.
    const kept = Array.from({ length: images }, (_, place) => open[place] ?? open[0]!);
    const index = tf.tensor1d(kept, "int32");
    for (const [name, tensor] of Object.entries(this.#memory)) {
      this.#memory[name] = tf.gather(tensor, index);
      tensor.dispose();
    }
    index.dispose();
    this.#images = images;
    return rows.map(({ image, history }) => ({ image: open.indexOf(image), history }));
  }

  /** The tensors that `NextTokens` describes; rows that nobody needs see but their own token. */
  #feeds(continued: readonly Row[], places: readonly number[], tokens: readonly number[]) {
    const { beams, capacity } = this.#steps.size;
    const count = this.#images * beams;
    const position = continued[0]!.history.length;
    const ids = new Int32Array(count);
    const parents = Int32Array.from({ length: count }, (_, row) => row);
    const visible = new Float32Array(count * beams * capacity);
    for (let row = 0; row < count; row += 1) {
      visible[(row * beams + (row % beams)) * capacity + position] = 1;
    }
    for (const [index, { image, history }] of continued.entries()) {
      const row = places[index]!;
      ids[row] = tokens[index]!;
      parents[row] = image * beams + history.at(-1)!;
      for (const [place, beam] of history.entries()) {
        visible[(row * beams + beam) * capacity + place] = 1;
      }
    }
    return {
      tokens: tf.tensor2d(ids, [this.#images, beams]),
      parents: tf.tensor1d(parents),
      position: tf.tensor1d([position], "int32"),
      visible: tf.tensor4d(visible, [this.#images, 1, beams, beams * capacity]),
    };
  }

  /** Runs a step on feeds of its own, which are disposed, and on those that stay. */
  #run(step: RunnableStep, feeds: NamedTensors, others: NamedTensors): Tensor {
    const { [SCORES]: scores, ...memory } = step({ ...feeds, ...others });
    for (const name of Object.keys(memory)) this.#memory[name]?.dispose();
    tf.dispose(feeds);
    this.#memory = { ...this.#memory, ...memory };
    return scores!;
  }
}

/** The numbers of images that so many may be brought down to, largest first: halves. */
function sizesBelow(images: number): number[] {
  const half = Math.ceil(images / 2);
  return half < FEWEST_IMAGES || half === images ? [] : [half, ...sizesBelow(half)];
}
