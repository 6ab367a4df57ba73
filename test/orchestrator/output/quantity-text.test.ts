import { expect, it } from "vitest";
import {
  durationText,
  idLength,
  parameterText,
  shareText,
} from "../../../orchestrator/output/quantity-text.ts";

const check = (title: string, text: string | number, expected: string | number) => {
  it(title, () => expect(text).toBe(expected));
};

check("seconds", durationText(7.4), "0:07");
check("minutes", durationText(725), "12:05");
check("hours", durationText(3 * 3600 + 4 * 60 + 9), "3:04:09");
check("an unknown time", durationText(null), "-");
check("a minute that rounding completes", durationText(59.6), "1:00");
check("a share", shareText(3, 8), "3/8");
check("a count without a known total", shareText(3, null), "3");
check("a share of nothing, as a baseline has it", shareText(0, 0), "-");
check("a drawn number to four digits", parameterText(0.00034567891), "3.457e-4");
check("a whole number as it is", parameterText(1234567), "1235000");
check("a parameter that the arm lacks", parameterText(undefined), "-");
check("ids that differ early: seven characters", idLength(["t000000000001", "tf00000000000"]), 7);
check("ids that differ late", idLength(["t00000000001", "t00000000002", "tf"]), 12);
check("one id given twice", idLength(["t00000000001", "t00000000001"]), 7);
