import type { Prompter, Question } from "../../../orchestrator/ssh/prompter.ts";

/** No terminal: whoever asks is wrong. */
export const nobody: Prompter = {
  isTerminal: false,
  ask: ({ prompt }) => Promise.reject(new Error(`asked without a terminal: ${prompt}`)),
};

/** A person who gives the first answer whose pattern a question has, and null to any other. */
export function person(answers: [RegExp, string][]): Prompter & { asked: Question[] } {
  const asked: Question[] = [];
  return {
    isTerminal: true,
    asked,
    ask(question) {
      asked.push(question);
      const answer = answers.find(([pattern]) => pattern.test(question.prompt));
      return Promise.resolve(answer?.[1] ?? null);
    },
  };
}
