// What is particular to the isolate's firmware, in both hosts: measured boot, health during a run, large
// policies, a bad serial line. Computations, refusals and power cuts: `test/end-to-end/`,
// `test/runtime-manager/`.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { EmulatedIsolate, isolateImages } from "../../host/mcu/emulated-isolate.js";
import { hosts, missingTools } from "../../host/mcu/toolchain.js";
import { Status } from "../../host/transport-protocol/index.js";
import { mainProgram } from "../execution-engine/programs.js";
import { boardInFull } from "../support/platforms.js";
import { skip } from "../support/shared.js";
import { connectTo, type EmulatedDeploymentOptions } from "./deployment.js";
import { alice, done, shamir, shareSecret, withDeployment } from "./scenario.js";

/** One principal who provides a program and reads its result. */
function alone(module: Uint8Array, policy: EmulatedDeploymentOptions["policy"] = {}) {
  return {
    identities: [{ certificate: alice, capabilities: "program.wasm:w,output:r" }],
    programs: [{ name: "program.wasm", module, capabilities: "output:w" }],
    policy,
  };
}

const reason = missingTools();
if (reason) skip(5 * hosts.length + 2, reason);
else {
  const board = boardInFull();
  for (const runtimeHost of hosts) {
    const here = { board, runtimeHost };

    test(`${runtimeHost}: three parties share a secret on an attested device, over TCP`, async () => {
      await withDeployment({ ...here, ...shamir }, async (deployment) => {
        await deployment.attest();
        await shareSecret(deployment);
      });
    });

    test(`${runtimeHost}: health is answered while a program runs; a deadline ends the program`, async () => {
      const endless = mainProgram("(loop $l (br $l)) (i32.const 0)");
      const options = alone(endless, { execution_limits: { deadline_ms: 1500 } } as object);
      await withDeployment({ ...here, ...options }, async (deployment) => {
        await deployment.attest();
        const { measurement, lifecycle } = deployment.isolate.identity;
        const idle = await deployment.client.ask("healthIs", { type: "health" });
        assert.is(idle.kind, "mcu");
        assert.is(idle.lifecycle, lifecycle);
        assert.is(Buffer.from(idle.runtimeHash).toString("hex"), measurement);
        assert.is(idle.running, 0);
        const a = await deployment.connect(alice);
        assert.equal(await a.send("program", "program.wasm", endless), done);
        const outcome = a.read("output");
        let busy = idle;
        while (busy.running === 0)
          busy = await deployment.client.ask("healthIs", { type: "health" });
        assert.equal(busy.boot, idle.boot);
        const answer = await outcome;
        assert.is((answer as { status: number }).status, Status.FAILED_VM_ERROR);
        assert.match((answer as { text: string }).text, /deadline/);
      });
    });

    test(`${runtimeHost}: a policy too large to wait in the buffer arrives whole; one beyond memory is refused`, async () => {
      await withDeployment({ ...here, ...shamir }, async ({ client, policyBytes }) => {
        // Spaces make a policy larger without a change of what it says.
        const initialise = async (bytes: number) => {
          await client.ask("done", { type: "reset" });
          const text = policyBytes.toString();
          const policy = Buffer.from(`{${" ".repeat(bytes - text.length)}${text.slice(1)}`);
          return client.request({ type: "initialise", version: 1, policy }).then(
            ({ type }) => type,
            ({ message }: Error) => message,
          );
        };
        assert.is(await initialise(21_000), "done");
        assert.match(await initialise(65_536), /memory/);
        assert.is(await initialise(policyBytes.length), "done");
        const { running } = await client.ask("healthIs", { type: "health" });
        assert.is(running, 0);
      });
    });

    test(`${runtimeHost}: changed firmware starts, but has another key and gets no certificate`, async () => {
      const folder = mkdtempSync(join(tmpdir(), "mcu-changed-"));
      try {
        const image = readFileSync(isolateImages(board, runtimeHost).main);
        // One letter of what it prints.
        const text = image.indexOf("TCP 6000 and serial");
        assert.ok(text > 0);
        image[text] = "t".charCodeAt(0);
        const changed = join(folder, "changed.bin");
        writeFileSync(changed, image);
        const state = join(folder, "secret");
        const genuine = await EmulatedIsolate.start({ ...here, state });
        await genuine.close();
        const other = await EmulatedIsolate.start({ ...here, state, main: changed });
        await other.close();
        assert.is(other.identity.implementationId, genuine.identity.implementationId);
        assert.is.not(other.identity.measurement, genuine.identity.measurement);
        assert.is.not(other.identity.publicKey, genuine.identity.publicKey);

        const allowedMeasurement = genuine.identity.measurement;
        await withDeployment(
          { ...here, ...shamir, main: changed, allowedMeasurement },
          async (deployment) => {
            const refused = await deployment.attest().then(
              () => "a certificate was issued",
              (error: Error) => error.message,
            );
            assert.match(refused, /measurement/);
          },
        );
      } finally {
        rmSync(folder, { recursive: true });
      }
    });

    test(`${runtimeHost}: the same firmware on the same device has the same key after each start`, async () => {
      const folder = mkdtempSync(join(tmpdir(), "mcu-again-"));
      try {
        const state = join(folder, "secret");
        const identities = [];
        for (let i = 0; i < 2; i++) {
          const isolate = await EmulatedIsolate.start({ ...here, state });
          const client = await connectTo(isolate);
          const { boot } = await client.ask("healthIs", { type: "health" });
          identities.push({ ...isolate.identity, boot: Buffer.from(boot).toString("hex") });
          client.close();
          await isolate.close();
          assert.is(readFileSync(state).length, 32);
        }
        const [first, second] = identities;
        assert.is.not(first?.boot, second?.boot);
        assert.equal({ ...first, boot: "" }, { ...second, boot: "" });
      } finally {
        rmSync(folder, { recursive: true });
      }
    });
  }

  test("c: three parties share a secret over a serial line that damages and loses bytes", async () => {
    const line = { over: "serial", noise: 4001 } as const;
    await withDeployment({ board, runtimeHost: "c", ...line, ...shamir }, async (deployment) => {
      await deployment.attest();
      await shareSecret(deployment);
      assert.ok(deployment.client.resent > 0, "packets were sent again");
    });
  });

  test("a device secret of the wrong size is not used: the first stage refuses", async () => {
    const folder = mkdtempSync(join(tmpdir(), "mcu-broken-"));
    try {
      const state = join(folder, "secret");
      writeFileSync(state, "short");
      const error = await EmulatedIsolate.start({ board, runtimeHost: "c", state }).then(
        () => "it started",
        ({ message }: Error) => message,
      );
      assert.match(error, /first stage: the device secret cannot be read/);
      assert.ok(existsSync(state));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}
test.run();
