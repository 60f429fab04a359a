// What is particular to the isolate's firmware, in two hosts: measured boot, health during a run, large
// policies, a bad serial line. Computations, refusals and power cuts: `test/end-to-end/`,
// `test/runtime-manager/`.
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { boardState } from "../../host/mcu/board-state.js";
import { buildIsolate, EmulatedIsolate, isolateImages } from "../../host/mcu/emulated-isolate.js";
import { RunningBoard } from "../../host/mcu/emulator.js";
import { defaultRuntimeHost, hasTwoWorlds, missingTools } from "../../host/mcu/toolchain.js";
import { PROTOCOL_VERSION, Status } from "../../host/transport-protocol/index.js";
import { mainProgram, programOf } from "../execution-engine/programs.js";
import { boardInFull } from "../support/platforms.js";
import { skip } from "../support/shared.js";
import { connectTo, type EmulatedDeploymentOptions } from "./deployment.js";
import { hostsInTurn } from "./rotation.js";
import { alice, bob, done, shamir, shareSecret, withDeployment } from "./scenario.js";

/** One principal who provides a program and reads its result. */
function alone(module: Uint8Array, policy: EmulatedDeploymentOptions["policy"] = {}) {
  return {
    identities: [{ certificate: alice, capabilities: "program.wasm:w,output:r" }],
    programs: [{ name: "program.wasm", module, capabilities: "output:w" }],
    policy,
  };
}

const hosts = hostsInTurn();
const reason = missingTools();
if (reason) skip(7 * hosts.length + 2, reason);
else {
  const board = boardInFull();
  for (const runtimeHost of hosts) {
    const here = { board, runtimeHost };

    test(`${runtimeHost}: three parties share a secret on an attested device, over TCP`, async () => {
      await withDeployment({ ...here, ...shamir }, async (deployment) => {
        await deployment.begin();
        await shareSecret(deployment);
      });
    });

    test(`${runtimeHost}: with MEMORY=small it runs a program of 16 KiB for two parties in sessions`, async () => {
      const { module, output } = programOf(16 * 1024);
      const options = {
        variant: { small: true },
        identities: [
          { certificate: alice, capabilities: "program.wasm:w" },
          { certificate: bob, capabilities: "input-0:w,output:r" },
        ],
        programs: [{ name: "program.wasm", module, capabilities: "input-0:r,output:w" }],
        policy: { execution_limits: { memory_bytes: 65536, stack_bytes: 8192 } },
      };
      await withDeployment({ ...here, ...options }, async (deployment) => {
        await deployment.begin();
        const [a, b] = [await deployment.connect(alice), await deployment.connect(bob)];
        assert.equal(await a.send("program", "program.wasm", module), done);
        assert.equal(await b.send("data", "input-0", Buffer.alloc(1000)), done);
        const result = await b.read("output", "", 4096);
        assert.ok(result instanceof Uint8Array, JSON.stringify(result));
        assert.equal(Buffer.from(result), output);
      });
    });

    test(`${runtimeHost}: health is answered while a program runs; a deadline ends the program`, async () => {
      const endless = mainProgram("(loop $l (br $l)) (i32.const 0)");
      const options = alone(endless, {
        execution_limits: { deadline_ms: 1500 },
        max_failed_runs: 100,
      } as object);
      await withDeployment({ ...here, ...options }, async (deployment) => {
        await deployment.begin();
        const { measurement, lifecycle } = deployment.isolate.identity;
        const idle = await deployment.client.ask("healthIs", { type: "health" });
        assert.is(idle.kind, "mcu");
        assert.is(idle.lifecycle, lifecycle);
        assert.is(Buffer.from(idle.runtimeHash).toString("hex"), measurement);
        assert.is(idle.running, 0);
        const a = await deployment.connect(alice);
        assert.equal(await a.send("program", "program.wasm", endless), done);
        // On a busy machine a run may be over before it was seen: the next one is looked at.
        let busy = idle;
        while (busy.running === 0) {
          let over = false;
          const outcome = a.read("output").finally(() => {
            over = true;
          });
          while (busy.running === 0 && !over)
            busy = await deployment.client.ask("healthIs", { type: "health" });
          const answer = await outcome;
          assert.is((answer as { status: number }).status, Status.FAILED_VM_ERROR);
          assert.match((answer as { text: string }).text, /deadline/);
        }
        assert.equal(busy.boot, idle.boot);
      });
    });

    test(`${runtimeHost}: a policy too large to wait in the buffer arrives whole; one beyond memory is refused`, async () => {
      await withDeployment({ ...here, ...shamir }, async (deployment) => {
        const { policyBytes } = deployment;
        // Spaces make a policy larger without a change of what it says.
        const initialise = async (bytes: number) => {
          const client = await deployment.reset();
          const text = policyBytes.toString();
          const policy = Buffer.from(`{${" ".repeat(bytes - text.length)}${text.slice(1)}`);
          return client.request({ type: "initialise", version: PROTOCOL_VERSION, policy }).then(
            ({ type }) => type,
            ({ message }: Error) => message,
          );
        };
        assert.is(await initialise(21_000), "done");
        assert.match(await initialise(65_536), /memory/);
        assert.is(await initialise(policyBytes.length), "done");
        const { running } = await deployment.client.ask("healthIs", { type: "health" });
        assert.is(running, 0);
      });
    });

    test(`${runtimeHost}: changed firmware starts, but has another key and gets no certificate`, async () => {
      const folder = mkdtempSync(join(tmpdir(), "mcu-changed-"));
      try {
        const image = readFileSync(isolateImages(board, runtimeHost).main);
        // One letter of what it prints.
        const text = image.indexOf("program freed");
        assert.ok(text > 0);
        image[text] = "P".charCodeAt(0);
        const changed = join(folder, "changed.bin");
        writeFileSync(changed, image);
        const state = join(folder, "secret");
        const genuine = await EmulatedIsolate.start({ ...here, state });
        await genuine.close();
        const other = await EmulatedIsolate.start({ ...here, state, main: changed });
        await other.close();
        assert.is(other.identity.implementationId, genuine.identity.implementationId);
        assert.is.not(other.identity.measurement, genuine.identity.measurement);
        // The same device: what has changed is its alias key, and what its certificate says.
        assert.is(other.identity.publicKey, genuine.identity.publicKey);
        assert.is(other.identity.instanceId, genuine.identity.instanceId);

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

    if (hasTwoWorlds(board))
      test(`${runtimeHost}: a changed non-secure image is measured, and leaves the isolate's identity as it is`, async () => {
        const folder = mkdtempSync(join(tmpdir(), "mcu-outside-"));
        try {
          await buildIsolate(board, runtimeHost);
          const image = readFileSync(isolateImages(board, runtimeHost).outside as string);
          const text = image.indexOf("TCP 6000 and serial");
          assert.ok(text > 0);
          image[text] = "t".charCodeAt(0);
          const changed = join(folder, "changed.bin");
          writeFileSync(changed, image);
          const state = join(folder, "secret");
          const genuine = await EmulatedIsolate.start({ ...here, state });
          await genuine.close();
          const other = await EmulatedIsolate.start({ ...here, state, outside: changed });
          await other.close();
          assert.match(String(genuine.identity.outside), /^[0-9a-f]{64}$/);
          assert.equal(other.identity, {
            ...genuine.identity,
            outside: createHash("sha256").update(image).digest("hex"),
          });
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
          assert.is(readFileSync(state).length, 40);
        }
        const [first, second] = identities;
        assert.is.not(first?.boot, second?.boot);
        assert.equal({ ...first, boot: "" }, { ...second, boot: "" });
      } finally {
        rmSync(folder, { recursive: true });
      }
    });
  }

  test("three parties share a secret over a serial line that damages and loses bytes", async () => {
    const line = { over: "serial", noise: 4001 } as const;
    await withDeployment({ board, ...line, ...shamir }, async (deployment) => {
      await deployment.begin();
      await shareSecret(deployment);
      assert.ok(deployment.client.resent > 0, "packets were sent again");
    });
  });

  test("what is no state of a board is not used: its host refuses it, and so does the first stage", async () => {
    const folder = mkdtempSync(join(tmpdir(), "mcu-broken-"));
    try {
      const state = join(folder, "secret");
      const magic = Buffer.from(boardState(randomBytes(32)));
      magic[0] = 0;
      for (const bytes of [Buffer.from("short"), magic]) {
        writeFileSync(state, bytes);
        const error = await EmulatedIsolate.start({ board, state }).then(
          () => "it started",
          ({ message }: Error) => message,
        );
        assert.match(error, /is no state of an emulated board \(40 bytes\)/);
        assert.equal(readFileSync(state), bytes);
        const { boot: image, elf: _, ...images } = isolateImages(board, defaultRuntimeHost);
        const running = await RunningBoard.start({ board, image, ...images, state });
        assert.is(await running.ended, 1);
        assert.match(running.output, /^first stage: the device secret cannot be read$/m);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}
test.run();
