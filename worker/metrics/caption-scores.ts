import { scoreBleu } from "./bleu.ts";
import { scoreCiderD } from "./cider-d.ts";
import { tokenizeCaptions, tokenizeReferences } from "./ptb-tokenizer.ts";
import { scoreRougeL } from "./rouge-l.ts";
import { ReferenceCorpus } from "./tf-idf.ts";

/** The metrics of one image or of a corpus. CIDEr-D is from 0 to 10, the others from 0 to 1. */
export interface CaptionMetrics {
  cider: number;
  bleu1: number;
  bleu2: number;
  bleu3: number;
  bleu4: number;
  rouge_l: number;
}

export interface CaptionScores {
  images: number;
  /** Of the corpus: means over images, except BLEU, which adds up counts first. */
  metrics: CaptionMetrics;
  /** In the order of the predictions. */
  perImage: CaptionMetrics[];
}

/**
 * Scores raw predictions, one an image, against raw references by image: at least one image, at
 * least one reference each. Equal to pycocoevalcap 1.2, which like this tokenises all references in
 * one run and all predictions in another.
 */
export function scoreCaptions(options: {
  references: readonly (readonly string[])[];
  predictions: readonly string[];
}): CaptionScores {
  const references = tokenizeReferences(options.references);
  const predictions = tokenizeCaptions(options.predictions);
  const corpus = new ReferenceCorpus(references);
  const vectors = corpus.weigh(predictions);
  const cider = scoreCiderD(corpus, vectors);
  const bleu = scoreBleu(corpus.vectors, vectors);
  const rouge = predictions.map((prediction, image) => scoreRougeL(references[image]!, prediction));
  const meanRouge = rouge.reduce((sum, one) => sum + one, 0) / rouge.length;
  return {
    images: predictions.length,
    metrics: metricsOf(cider.mean, bleu.corpus, meanRouge),
    perImage: predictions.map((_, image) =>
      metricsOf(cider.perImage[image]!, bleu.perImage[image]!, rouge[image]!),
    ),
  };
}

function metricsOf(cider: number, bleu: readonly number[], rouge: number): CaptionMetrics {
  const [bleu1, bleu2, bleu3, bleu4] = bleu;
  return { cider, bleu1: bleu1!, bleu2: bleu2!, bleu3: bleu3!, bleu4: bleu4!, rouge_l: rouge };
}
