import type { Command } from "commander";
import type { Answer, Output } from "../output/output.ts";
import { printable } from "../output/style.ts";
import { footerLines } from "../output/status-notes.ts";
import { renderStatus } from "../output/status-table.ts";
import type { WatchView } from "../output/watch-view.ts";
import type { OpenSweep } from "../ports/sweep-access.ts";
import { statusValue, type SweepStatus } from "../tracking/sweep-status.ts";
import { withExample, withJson } from "./command-options.ts";
import { readStatus } from "./read-status.ts";
import { usingSweep } from "./using-sweep.ts";
import { watchUntilInterrupted } from "./watch-sweep.ts";

export interface StatusPorts {
  openSweep: OpenSweep;
  /** A view on stdout, for people only. */
  watchView: () => WatchView;
  /** Width of the terminal on stdout, if it is one. */
  columns: number | undefined;
}

/** Adds `status NAME|FILE`: where every trial stands, once or until all are settled. */
export function registerStatusCommand(program: Command, output: Output, ports: StatusPorts): void {
  const command = program
    .command("status <sweep>")
    .description("show where the trials of a launched sweep stand; give its name or its file")
    .option("--watch", "go on until all are settled; Ctrl-C leaves the sweep running")
    .action(async (sweep: string, { watch, json }: { watch?: boolean; json?: boolean }) => {
      await usingSweep(ports.openSweep, sweep, async (access) => {
        if (!watch) return output.show(answer(await readStatus(access), ports.columns));
        const last = await watchUntilInterrupted({ access, view: ports.watchView() }, output);
        // People have seen it already.
        if (json) output.show(answer(last, ports.columns));
      });
    });
  withJson(withExample(command, "qsweep status demo --watch"));
}

function answer(status: SweepStatus, columns: number | undefined): Answer {
  return {
    value: statusValue(status),
    text: (style) => {
      const footer = footerLines(status).map((line) => `${style.dim(printable(line))}\n`);
      return `${renderStatus(status, style, { columns })}\n${footer.join("")}`;
    },
  };
}
