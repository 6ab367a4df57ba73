import { z } from "zod";

const SIZE = /^([1-9]\d{0,5})(MB|GB|TB)$/;

/** An amount of data in a site file: `500MB`, `50GB`, `2TB`, in powers of ten. */
export const DataSize = z
  .string()
  .regex(SIZE, { error: "expected an amount of data such as 500MB, 50GB or 2TB" });

export function dataSizeBytes(size: string): number {
  const [, count, unit] = SIZE.exec(size) ?? [];
  const bytes = { MB: 1e6, GB: 1e9, TB: 1e12 }[unit ?? ""];
  if (bytes === undefined) throw new Error(`not an amount of data: ${size}`);
  return Number(count) * bytes;
}
