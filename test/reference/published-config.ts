import { BlipConfig } from "../../worker/model/blip-config.ts";

/** The sizes that the shapes show; how many heads there are changes no shape. */
export function publishedConfig(shapes: Record<string, number[]>): BlipConfig {
  const count = (pattern: RegExp) =>
    Object.keys(shapes).filter((name) => pattern.test(name)).length;
  const shape = (name: string) => shapes[name]!;
  const patch_size = shape("vision_model.embeddings.patch_embedding.weight")[2]!;
  const [, positions, width] = shape("vision_model.embeddings.position_embedding");
  const text = "text_decoder.bert.embeddings";
  return BlipConfig.parse({
    model_type: "blip",
    vision_config: {
      hidden_size: width,
      intermediate_size: shape("vision_model.encoder.layers.0.mlp.fc1.bias")[0],
      num_hidden_layers: count(/\.qkv\.weight$/),
      num_attention_heads: 1,
      image_size: patch_size * Math.sqrt(positions! - 1),
      patch_size,
    },
    text_config: {
      vocab_size: shape(`${text}.word_embeddings.weight`)[0],
      hidden_size: shape(`${text}.word_embeddings.weight`)[1],
      intermediate_size: shape("text_decoder.bert.encoder.layer.0.intermediate.dense.bias")[0],
      num_hidden_layers: count(/\.crossattention\.self\.query\.weight$/),
      num_attention_heads: 1,
      max_position_embeddings: shape(`${text}.position_embeddings.weight`)[0],
    },
  });
}
