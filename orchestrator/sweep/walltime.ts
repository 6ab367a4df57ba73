import { z } from "zod";

/** How long a grid job may run, as Grid Engine and Slurm write it. */
export const Walltime = z
  .string()
  .regex(/^\d{1,3}:[0-5]\d:[0-5]\d$/, { error: 'expected hours as "HH:MM:SS"' });

/** `"HH:MM:SS"` → seconds. */
export function walltimeSeconds(walltime: string): number {
  const [hours = 0, minutes = 0, seconds = 0] = walltime.split(":").map(Number);
  return (hours * 60 + minutes) * 60 + seconds;
}

/** Seconds → `"HH:MM:SS"`. */
export function walltimeText(seconds: number): string {
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return parts.map((part) => String(part).padStart(2, "0")).join(":");
}
