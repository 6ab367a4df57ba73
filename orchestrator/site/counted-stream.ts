import { type Readable, Transform } from "node:stream";

/** Between two words on the progress, in bytes: some ten lines for the largest that is sent. */
const STEP_BYTES = 64 << 20;

/** The same bytes, with a word on how many have passed at the start of each further 64 MiB. */
export function counted(source: Readable, tell: (bytes: number) => void): Readable {
  let passed = 0;
  let told = 0;
  const counter = new Transform({
    transform(chunk: Buffer, _, done) {
      passed += chunk.length;
      if (passed - told >= STEP_BYTES) {
        told = passed;
        tell(passed);
      }
      done(null, chunk);
    },
  });
  source.on("error", (error) => counter.destroy(error));
  return source.pipe(counter);
}
