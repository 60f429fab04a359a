// A party whose key is in a TPM: swtpm emulates it, tpm2-tools speak to it.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { verify, X509Certificate } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { freePort } from "../../host/common/free-port.js";
import { projectRoot } from "../../host/common/paths.js";
import { VeracruzClient } from "../../host/veracruz-client/client.js";
import { signingIdentity } from "../../host/veracruz-client/identity.js";
import { commandSigner } from "../../host/veracruz-client/signers.js";
import { skip } from "../support/shared.js";
import { exampleModule, System, TestAttestation, until } from "../support/system.js";
import { Desk } from "../veracruz/people.js";

const HANDLE = "0x81010001";
const command = join(projectRoot, "build/js/host/veracruz-client/tpm-signer.js");
const missing = ["swtpm", "tpm2_sign"].find(
  (tool) => spawnSync(tool, ["--version"], { stdio: "ignore" }).error !== undefined,
);
if (missing !== undefined) {
  skip(3, `no ${missing}; on Debian: apt-get install tpm2-tools swtpm libtss2-tcti-swtpm0`);
} else {
  const desk = new Desk();
  mkdirSync(desk.path("tpm"));
  desk.write("auth", "open sesame");
  spawnSync("chmod", ["600", desk.path("auth")]);
  let tpm: ChildProcess | undefined;

  const tool = (name: string, ...args: string[]) =>
    spawnSync(name, args, { cwd: desk.folder, env: desk.environment, encoding: "utf8" });
  const doing = (name: string, ...args: string[]) => {
    const { status, stderr } = tool(name, ...args);
    assert.is(status, 0, `${name} ${args.join(" ")}: ${stderr}`);
  };

  /** Starts the TPM: its commands on one port, its control on the next. */
  const startTpm = async () => {
    const port = await freePort();
    const on = (which: number) => `type=tcp,port=${which},bindaddr=127.0.0.1`;
    tpm = spawn(
      "swtpm",
      [
        ...["socket", "--tpm2", "--tpmstate", `dir=${desk.path("tpm")}`, "--server", on(port)],
        ...["--ctrl", on(port + 1), "--flags", "not-need-init,startup-clear"],
      ],
      { stdio: "ignore" },
    );
    desk.environment.TPM2TOOLS_TCTI = `swtpm:host=127.0.0.1,port=${port}`;
    await until("the TPM answers", () => tool("tpm2_getcap", "properties-fixed").status === 0);
  };
  await startTpm();
  doing("tpm2_createprimary", ..."-Q -C o -G ecc256 -c primary.ctx".split(" "));
  const use = "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign";
  const key = "-Q -C primary.ctx -G ecc256 -u key.pub -r key.priv -p file:auth -a";
  doing("tpm2_create", ...key.split(" "), use);
  doing("tpm2_flushcontext", "-t");
  doing("tpm2_load", ..."-Q -C primary.ctx -u key.pub -r key.priv -c key.ctx".split(" "));
  doing("tpm2_flushcontext", "-t");
  doing("tpm2_evictcontrol", ..."-Q -C o -c key.ctx".split(" "), HANDLE);
  doing("tpm2_readpublic", ...`-Q -c ${HANDLE} -f pem -o erin.pub`.split(" "));

  const signer = [process.execPath, command, "--key", HANDLE, "--auth-file", desk.path("auth")];

  test("veracruz init makes a contact for a key that never leaves the TPM", async () => {
    const words = ["--signer", signer.join(" "), "--public-key", "erin.pub"];
    const { code, out, err } = await desk.run("init", "--as", "erin", ...words);
    assert.is(code, 0, err);
    const contact = new X509Certificate(out);
    assert.is(contact.publicKey.export({ type: "spki", format: "pem" }), desk.read("erin.pub"));
    assert.ok(contact.verify(contact.publicKey));
    desk.write("erin.pem", contact.toString());
  });

  test("it takes part in a computation, signing in each handshake", async () => {
    const certificate = desk.read("erin.pem");
    const attestation = await TestAttestation.start();
    Object.assign(process.env, { TPM2TOOLS_TCTI: desk.environment.TPM2TOOLS_TCTI });
    try {
      const nop = exampleModule("nop");
      const rights = [
        { file_name: "nop.wasm", rights: "w" as const },
        { file_name: "output", rights: "r" as const },
      ];
      const options = {
        attestation,
        principals: {},
        programs: { "nop.wasm": { module: nop, rights: "output:w" } },
        policy: { identities: [{ certificate, id: 0, file_rights: rights }] },
      };
      await System.use(options, async ({ policy, address }) => {
        const identity = signingIdentity(Buffer.from(certificate), commandSigner(signer));
        const client = await VeracruzClient.connect({ policy, identity, server: address });
        await client.sendProgram("nop.wasm", nop);
        assert.is((await client.read()).length, 0);
        await client.close();
      });
    } finally {
      delete process.env.TPM2TOOLS_TCTI;
      await attestation.stop();
    }
  });

  test("what fails is said in a line: a wrong authorisation, a file that others can read, no TPM", () => {
    const run = (...args: string[]) =>
      spawnSync(process.execPath, [command, ...args], {
        env: desk.environment,
        input: "content",
        cwd: desk.folder,
      });
    const good = run("--key", HANDLE, "--auth-file", "auth");
    assert.is(good.status, 0, good.stderr.toString());
    const publicKey = { key: desk.read("erin.pub"), dsaEncoding: "ieee-p1363" } as const;
    assert.ok(verify("sha256", Buffer.from("content"), publicKey, good.stdout));
    desk.write("wrong", "close sesame");
    spawnSync("chmod", ["600", desk.path("wrong")]);
    const wrong = run("--key", HANDLE, "--auth-file", "wrong");
    assert.is(wrong.status, 1);
    assert.match(wrong.stderr.toString(), /^vc-sign-tpm: tpm2_sign gives no signature: .+\n$/);
    assert.is(wrong.stdout.length, 0);
    spawnSync("chmod", ["644", desk.path("wrong")]);
    const open = run("--key", HANDLE, "--auth-file", "wrong");
    assert.is(open.status, 2);
    const none = run("--key", HANDLE, "--tool", "/nonexistent/tpm2_sign");
    assert.is(none.status, 1);
    assert.match(none.stderr.toString(), /cannot be started \(Debian has it in tpm2-tools\)/);
  });

  test.after(() => {
    tpm?.kill("SIGKILL");
    desk.remove();
  });
}
test.run();
