// Passwords and one-time codes, asked by a real server through PAM, behind a real jump host.
import { expect, it } from "vitest";
import { hostSettings } from "../../../orchestrator/ssh/host-settings.ts";
import type { Prompter } from "../../../orchestrator/ssh/prompter.ts";
import { openSsh } from "../../../orchestrator/ssh/ssh-connection.ts";
import { type ClusterLab, describeOnLab, type LabUser } from "../../rig/cluster-lab.ts";
import { nobody, person } from "./prompters.ts";

/** Who a command on the login host runs as, by the way of its configuration. */
async function whoIs(lab: ClusterLab, user: LabUser, prompter: Prompter): Promise<string> {
  const settings = hostSettings({ host: "login", configFile: lab.sshConfig(user) });
  const host = await openSsh({ ...settings, agentSocket: null }, { prompter, note: () => {} });
  try {
    return (await host.run("id -un; hostname")).stdout;
  } finally {
    await host.close();
  }
}

describeOnLab("logging in to the lab's cluster", (lab) => {
  it("goes through the gateway with a key", async () => {
    expect(await whoIs(lab, "ds", nobody)).toBe("ds\nlogin\n");
  });

  it("gives a password, at the gateway and at the login host", async () => {
    const somebody = person([[/password/i, lab.password("dspw")]]);
    expect(await whoIs(lab, "dspw", somebody)).toBe("dspw\nlogin\n");
  });

  it("asks once for a password that is wrong, although PAM then wants a code as well", async () => {
    const somebody = person([
      [/code/i, "000000"],
      [/password/i, "wrong"],
    ]);
    await expect(whoIs(lab, "dspw", somebody)).rejects.toMatchObject({
      reason: "ssh-authentication",
      message: "dspw@gateway: the answers were refused",
    });
    const prompts = somebody.asked.map(({ prompt }) => prompt);
    expect(prompts).toEqual(["(dspw@gateway) Password: ", "(dspw@gateway) Verification code: "]);
  });

  it("gives password and one-time code in one exchange, after a key", async () => {
    const somebody = person([
      [/code/i, lab.oneTimeCode()],
      [/password/i, lab.password("ds2fa")],
    ]);
    expect(await whoIs(lab, "ds2fa", somebody)).toBe("ds2fa\nlogin\n");
  });

  it("refuses a wrong code", async () => {
    const somebody = person([
      [/code/i, "000000"],
      [/password/i, lab.password("ds2fa")],
    ]);
    await expect(whoIs(lab, "ds2fa", somebody)).rejects.toMatchObject({
      reason: "ssh-authentication",
      message: expect.stringContaining("the answers were refused"),
    });
  });

  it("says that a code is needed where there is no terminal", async () => {
    await expect(whoIs(lab, "ds2fa", nobody)).rejects.toMatchObject({
      reason: "ssh-authentication",
      message: expect.stringContaining("keyboard-interactive is needed"),
    });
  });
});
