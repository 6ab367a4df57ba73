import { expect, test } from "vitest";
import { nearestName } from "../../../orchestrator/sweep/nearest-name.ts";

const check = (name: string, known: string[], expected: string | undefined) =>
  test(`${name} among ${known.join(", ")}`, () => expect(nearestName(name, known)).toBe(expected));

check("epoch", ["epochs", "eps"], "epochs");
check("gird", ["choice", "grid"], "grid");
check("Seed", ["seed"], "seed");
check("lrr", ["lr", "r"], "lr");
check("sampling_sed", ["samples", "sampling_seed"], "sampling_seed");
check("batchsize", ["batch_size"], "batch_size");
check("warmup", ["epochs", "lr", "labels"], undefined);
check("xyz", ["abc"], undefined);
check("lr", [], undefined);
// kitten → sitting is the textbook distance of 3: too far for six letters.
check("kitten", ["sitting"], undefined);
