import type { SiteCheck } from "../site/site-check.ts";
import { printable, type Style } from "./style.ts";

const MARK_WIDTH = "problem".length;

/** One line a check, and below those that are not well what to do about them. */
export function renderChecks(checks: readonly SiteCheck[], style: Style): string {
  const nameWidth = Math.max(...checks.map(({ check }) => check.length));
  const lines = checks.flatMap(({ check, status, message, remedy }) => {
    const mark = status.padEnd(MARK_WIDTH);
    const shown = status === "ok" ? style.green(mark) : style.red(mark);
    const first = `${shown}  ${check.padEnd(nameWidth)}  ${printable(message)}`;
    if (remedy === null) return [first];
    return [first, `${" ".repeat(MARK_WIDTH + nameWidth + 4)}${style.dim(printable(remedy))}`];
  });
  const count = (status: SiteCheck["status"]): number => {
    return checks.filter((check) => check.status === status).length;
  };
  const tally = `${count("ok")} ok, ${count("warning")} warnings, ${count("problem")} problems`;
  return [...lines, tally].map((line) => `${line}\n`).join("");
}
