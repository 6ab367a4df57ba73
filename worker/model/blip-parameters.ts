import type { BlipConfig, TextConfig, VisionConfig } from "./blip-config.ts";

/** The output matrix, which a tied model does not have. */
export const LM_HEAD = "text_decoder.cls.predictions.decoder.weight";
export const WORD_EMBEDDINGS = "text_decoder.bert.embeddings.word_embeddings.weight";

type Shapes = [name: string, shape: number[]][];

/** Every parameter of the model by its Hugging Face name, with its shape, in the model's order. */
export function parameterShapes(config: BlipConfig): Map<string, number[]> {
  return new Map([...visionShapes(config.vision_config), ...textShapes(config)]);
}

/** Names of the linear layers that LoRA can adapt: all but the output matrix. */
export function linearLayers(config: BlipConfig): string[] {
  return [...parameterShapes(config)]
    .filter(([name, shape]) => shape.length === 2 && !/_embeddings\.|\.decoder\./.test(name))
    .map(([name]) => name.slice(0, -".weight".length));
}

/** Image patches and the class token in front of them. */
function imagePositions({ image_size, patch_size }: VisionConfig): number {
  return (image_size / patch_size) ** 2 + 1;
}

function visionShapes(vision: VisionConfig): Shapes {
  const { hidden_size: width, intermediate_size: inner, patch_size: patch } = vision;
  const embeddings = "vision_model.embeddings";
  return [
    [`${embeddings}.class_embedding`, [1, 1, width]],
    [`${embeddings}.position_embedding`, [1, imagePositions(vision), width]],
    [`${embeddings}.patch_embedding.weight`, [width, 3, patch, patch]],
    [`${embeddings}.patch_embedding.bias`, [width]],
    ...layers(vision.num_hidden_layers, "vision_model.encoder.layers", (layer) => [
      ...linear(`${layer}.self_attn.qkv`, width, 3 * width),
      ...linear(`${layer}.self_attn.projection`, width, width),
      ...norm(`${layer}.layer_norm1`, width),
      ...linear(`${layer}.mlp.fc1`, width, inner),
      ...linear(`${layer}.mlp.fc2`, inner, width),
      ...norm(`${layer}.layer_norm2`, width),
    ]),
    ...norm("vision_model.post_layernorm", width),
  ];
}

function textShapes({ text_config: text, vision_config, tie_word_embeddings }: BlipConfig): Shapes {
  const { hidden_size: width, intermediate_size: inner, vocab_size: vocabulary } = text;
  const predictions = "text_decoder.cls.predictions";
  const head: Shapes = tie_word_embeddings ? [] : [[LM_HEAD, [vocabulary, width]]];
  return [
    [WORD_EMBEDDINGS, [vocabulary, width]],
    [
      "text_decoder.bert.embeddings.position_embeddings.weight",
      [text.max_position_embeddings, width],
    ],
    ...norm("text_decoder.bert.embeddings.LayerNorm", width),
    ...layers(text.num_hidden_layers, "text_decoder.bert.encoder.layer", (layer) => [
      ...attention(`${layer}.attention`, text, width),
      ...attention(`${layer}.crossattention`, text, vision_config.hidden_size),
      ...linear(`${layer}.intermediate.dense`, width, inner),
      ...linear(`${layer}.output.dense`, inner, width),
      ...norm(`${layer}.output.LayerNorm`, width),
    ]),
    [`${predictions}.bias`, [vocabulary]],
    ...linear(`${predictions}.transform.dense`, width, width),
    ...norm(`${predictions}.transform.LayerNorm`, width),
    ...head,
  ];
}

/** Keys and values are read from states of width `source`: the text's own, or the image's. */
function attention(name: string, { hidden_size: width }: TextConfig, source: number): Shapes {
  return [
    ...linear(`${name}.self.query`, width, width),
    ...linear(`${name}.self.key`, source, width),
    ...linear(`${name}.self.value`, source, width),
    ...linear(`${name}.output.dense`, width, width),
    ...norm(`${name}.output.LayerNorm`, width),
  ];
}

function layers(count: number, prefix: string, shapes: (layer: string) => Shapes): Shapes {
  return Array.from({ length: count }, (_, index) => shapes(`${prefix}.${index}`)).flat();
}

function linear(name: string, from: number, to: number): Shapes {
  return [
    [`${name}.weight`, [to, from]],
    [`${name}.bias`, [to]],
  ];
}

function norm(name: string, width: number): Shapes {
  return [
    [`${name}.weight`, [width]],
    [`${name}.bias`, [width]],
  ];
}
