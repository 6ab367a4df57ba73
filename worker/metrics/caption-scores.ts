import { scoreBleu } from "./bleu.ts";
import { scoreCiderD } from "./cider-d.ts";
import { matchReferences } from "./ngram-matches.ts";
import { captionTokens } from "./ptb-tokenizer.ts";
import { scoreRougeL } from "./rouge-l.ts";
import { ReferenceCorpus } from "./tf-idf.ts";
import { startsOf, Vocabulary } from "./vocabulary.ts";

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
  const vocabulary = new Vocabulary();
  const captions = vocabulary.number(captionTokens(options.references.flat()));
  const predictions = vocabulary.number(captionTokens(options.predictions));
  const firsts = startsOf(options.references);
  const corpus = new ReferenceCorpus({ captions: vocabulary.apart(captions), firsts });
  const weighed = corpus.weigh(vocabulary.apart(predictions));
  const matches = matchReferences(corpus, weighed);
  const cider = scoreCiderD(corpus, weighed, matches);
  const bleu = scoreBleu(corpus, weighed, matches);
  const rouge = scoreRougeL({ captions, firsts }, predictions);
  const meanRouge = rouge.reduce((sum, one) => sum + one, 0) / rouge.length;
  return {
    images: rouge.length,
    metrics: metricsOf(cider.mean, bleu.corpus, meanRouge),
    perImage: rouge.map((one, image) =>
      metricsOf(cider.perImage[image]!, bleu.perImage[image]!, one),
    ),
  };
}

function metricsOf(cider: number, bleu: readonly number[], rouge: number): CaptionMetrics {
  const [bleu1, bleu2, bleu3, bleu4] = bleu;
  return { cider, bleu1: bleu1!, bleu2: bleu2!, bleu3: bleu3!, bleu4: bleu4!, rouge_l: rouge };
}
