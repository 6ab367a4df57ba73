import { CommandSites } from "../../orchestrator/adapters/command-sites.ts";

/** Sites as a command opens them, with no way to any other machine. */
export function commandSites(): CommandSites {
  return new CommandSites({
    connect: async ({ ssh }) => {
      throw new Error(`the test connected to ${ssh.host}`);
    },
    note: () => {},
  });
}
