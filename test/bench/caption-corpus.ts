import { writeFile } from "node:fs/promises";
import path from "node:path";

const CAPTIONS_PER_IMAGE = 5;
const WORDS = 12_000;
const SYLLABLES = ["ba", "cor", "di", "fel", "gan", "ho", "ki", "lum", "mer", "nu", "pa", "ros"];
const FREQUENT = ["a", "the", "of", "on", "with", "and", "in", "is", "top", "it's"];
const MULTIPLIER = 1_664_525;
const INCREMENT = 1_013_904_223;

/** Numbers in [0, 1), the same in every run. */
function numbersFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, MULTIPLIER) + INCREMENT) >>> 0;
    return state / 2 ** 32;
  };
}

/** Few words are frequent, most are rare (Zipf): nearly every caption has n-grams of its own. */
function word(random: () => number): string {
  const rank = Math.floor(WORDS ** random());
  if (rank <= FREQUENT.length) return FREQUENT[rank - 1]!;
  const letters: string[] = [];
  for (let rest = rank; rest > 0; rest = Math.floor(rest / SYLLABLES.length)) {
    letters.push(SYLLABLES[rest % SYLLABLES.length]!);
  }
  return letters.join("");
}

function caption(random: () => number): string {
  const length = 6 + Math.floor(random() * 12);
  const words = Array.from({ length }, () => word(random));
  if (random() < 0.3) words[Math.floor(length / 2)] += ",";
  const text = words.join(" ");
  return `${text[0]!.toUpperCase()}${text.slice(1)}.`;
}

/** A reference with a few words replaced: predictions match in part. */
function nearly(reference: string, random: () => number): string {
  return reference
    .split(" ")
    .map((one) => (random() < 0.4 ? word(random) : one))
    .join(" ");
}

/** Writes references in VizWiz's form and one prediction an image; returns both files. */
export async function writeCorpus(
  folder: string,
  { images }: { images: number },
): Promise<{ references: string; predictions: string }> {
  const random = numbersFrom(1);
  const annotations = [];
  const predicted = [];
  for (let image_id = 0; image_id < images; image_id += 1) {
    const captions = Array.from({ length: CAPTIONS_PER_IMAGE }, () => caption(random));
    for (const text of captions) {
      const id: number = annotations.length;
      const marks = { is_precanned: false, is_rejected: false, text_detected: false };
      annotations.push({ id, image_id, caption: text, ...marks });
    }
    predicted.push({ image_id, caption: nearly(captions[0]!, random) });
  }
  const listed = predicted.map(({ image_id: id }) => ({ id, file_name: `${id}.jpg` }));
  const references = path.join(folder, "references.json");
  const predictions = path.join(folder, "predictions.json");
  await writeFile(references, JSON.stringify({ images: listed, annotations }));
  await writeFile(predictions, JSON.stringify(predicted));
  return { references, predictions };
}
