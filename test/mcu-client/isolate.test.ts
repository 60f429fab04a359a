// The isolate's firmware on an emulated board, in both hosts: computations of several parties, programs
// that mean harm, changed firmware, power cuts.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { EmulatedIsolate, isolateImages } from "../../host/mcu/emulated-isolate.js";
import { type EmulatedBoard, hosts, missingTools } from "../../host/mcu/toolchain.js";
import { Status } from "../../host/transport-protocol/index.js";
import { mainProgram } from "../execution-engine/programs.js";
import { example, newPrincipal } from "../runtime-manager/deployment.js";
import { exampleData } from "../support/example-data.js";
import { skip } from "../support/shared.js";
import { connectTo, EmulatedDeployment, type EmulatedDeploymentOptions } from "./deployment.js";

const done = { type: "outcome", status: Status.SUCCESS, returnCode: 0, text: "" };
const alice = newPrincipal("alice");
const bob = newPrincipal("bob");
const carol = newPrincipal("carol");

/** Runs `use` on a deployment and ends it; a failure comes with the firmware's console. */
async function withDeployment(
  options: EmulatedDeploymentOptions,
  use: (deployment: EmulatedDeployment) => Promise<void>,
): Promise<void> {
  const deployment = await EmulatedDeployment.start(options);
  try {
    await use(deployment);
  } catch (error) {
    console.log(deployment.isolate.board.output);
    throw error;
  } finally {
    await deployment.stop();
  }
}

const shamir = {
  identities: [
    { certificate: alice, capabilities: "shamir.wasm:w,input-0:w" },
    { certificate: bob, capabilities: "input-1:w" },
    { certificate: carol, capabilities: "input-2:w,output:r" },
  ],
  programs: [
    {
      name: "shamir.wasm",
      module: example("shamir-secret-sharing"),
      capabilities: "input-0:r,input-1:r,input-2:r,output:w",
    },
  ],
};

/** Three parties, each in a session of its own, all open at once; the third one reads the result. */
async function shareSecret(deployment: EmulatedDeployment): Promise<void> {
  const data = exampleData("shamir-secret-sharing");
  const [a, b, c] = await Promise.all([
    deployment.connect(alice),
    deployment.connect(bob),
    deployment.connect(carol),
  ]);
  assert.equal(await a.send("program", "shamir.wasm", example("shamir-secret-sharing")), done);
  // In reverse order: it does not matter.
  assert.equal(await c.send("data", "input-2", data["input-2"] as Uint8Array), done);
  assert.equal(await b.send("data", "input-1", data["input-1"] as Uint8Array), done);
  assert.equal(await a.send("data", "input-0", data["input-0"] as Uint8Array), done);
  const result = await c.read("output", "", 4096);
  assert.ok(result instanceof Uint8Array, JSON.stringify(result));
  assert.equal(Buffer.from(result), Buffer.from(data["expected-1"] as Uint8Array));
  for (const each of [a, b, c]) each.close();
}

/** One principal who provides a program and reads its result. */
function alone(module: Uint8Array, policy: EmulatedDeploymentOptions["policy"] = {}) {
  return {
    identities: [{ certificate: alice, capabilities: "program.wasm:w,output:r" }],
    programs: [{ name: "program.wasm", module, capabilities: "output:w" }],
    policy,
  };
}

const reason = missingTools();
if (reason) skip(5 * hosts.length + 3, reason);
else {
  const board: EmulatedBoard = "mps2-an505";
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

  // The other boards, in one host each; the bench tests run both hosts' code on all of them.
  for (const [other, runtimeHost] of [
    ["mps2-an385", "c"],
    ["mps2-an500", "wasm3"],
  ] as const) {
    test(`${other}, ${runtimeHost}: three parties share a secret, over the serial link`, async () => {
      await withDeployment({ board: other, runtimeHost, over: "serial", ...shamir }, async (d) => {
        await d.attest();
        await shareSecret(d);
      });
    });
  }
}
test.run();
