export interface Question {
  /** Text of the question; whoever asks has removed control characters. */
  prompt: string;
  /** The answer is a secret: it is not shown while it is typed. */
  hidden: boolean;
  /** Withdraws the question; the answer is then null. */
  signal?: AbortSignal;
}

/** Who answers what only a person knows: passwords, one-time codes, whether a key is trusted. */
export interface Prompter {
  /** Whether there is a terminal to ask on, or a program that answers in its place. */
  readonly isTerminal: boolean;
  /** The answer, without its line end; null when it was refused or the question withdrawn. */
  ask(question: Question): Promise<string | null>;
}
