// Before anything is loaded: without a handler for SIGUSR1, Node opens its debugger. A hang-up of
// the connection ends the input, and what was begun is finished.
for (const signal of ["SIGUSR1", "SIGUSR2", "SIGHUP"] as const) process.on(signal, () => {});

/** The CLI's far end on a login host, `agent NONCE SITE`: answers requests until its input ends. */
async function main(): Promise<void> {
  const [nonce, site] = process.argv.slice(2);
  if (nonce === undefined || site === undefined) throw new Error("usage: agent NONCE SITE");
  const { serveAgent } = await import("./agent/agent-server.ts");
  const { clusterAgent } = await import("./adapters/cluster-agent.ts");
  // A reader that went away is found out by the end of the input.
  process.stdout.on("error", () => {});
  await serveAgent(clusterAgent(JSON.parse(site)), {
    input: process.stdin,
    output: process.stdout,
    nonce,
  });
}

try {
  await main();
  process.exit(0);
} catch (error) {
  const text = error instanceof Error ? error.stack : String(error);
  process.stderr.write(`${text}\n`, () => process.exit(1));
}
