/** The adapter that LoRA rows train, the same on both sides. */
export const ADAPTER = { r: 8, alpha: 32, dropout: 0.1, target_modules: ["query", "value"] };
