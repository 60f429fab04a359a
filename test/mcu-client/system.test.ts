// The whole system over real sockets, with an emulated board as the isolate that the Veracruz server
// starts: provisioning, attestation, clients, a power cut in mid-computation.
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  buildIsolate,
  EmulatedIsolate,
  isolateMeasurement,
} from "../../host/mcu/emulated-isolate.js";
import { emulatedIsolate } from "../../host/mcu/isolate-kinds.js";
import { hosts, missingTools } from "../../host/mcu/toolchain.js";
import { enrolFile } from "../../host/proxy-attestation-server/enrolment.js";
import type { IsolateKind, StartedIsolate } from "../../host/veracruz-server/isolate-kinds.js";
import { exampleData } from "../support/example-data.js";
import { skip } from "../support/shared.js";
import { exampleModule, System, TestAttestation, until } from "../support/system.js";

const board = "mps2-an505";
const module = exampleModule("shamir-secret-sharing");
const data = exampleData("shamir-secret-sharing");

async function computation(system: System): Promise<void> {
  const [alice, bob, carol] = await Promise.all(
    ["alice", "bob", "carol"].map((name) => system.connect(name)),
  );
  await alice?.sendProgram("shamir.wasm", module);
  await carol?.sendData("input-2", data["input-2"] as Uint8Array);
  await bob?.sendData("input-1", data["input-1"] as Uint8Array);
  await alice?.sendData("input-0", data["input-0"] as Uint8Array);
  assert.equal(await carol?.read(), Buffer.from(data["expected-1"] as Uint8Array));
}

const reason = missingTools();
if (reason) skip(hosts.length, reason);
else {
  for (const runtimeHost of hosts) {
    test(`${runtimeHost}: a computation by clients over HTTP; after a power cut the next one is right`, async () => {
      const attestation = await TestAttestation.start();
      const state = join(attestation.folder, "board-secret");
      await buildIsolate(board, runtimeHost);
      // Provisioning: the first start makes the board's secret; its public key is enrolled.
      const provisioned = await EmulatedIsolate.start({ board, runtimeHost, state });
      const enrolment = provisioned.enrolment();
      await provisioned.close();
      await enrolFile(attestation.store, JSON.stringify(enrolment));
      const measurement = isolateMeasurement(board, runtimeHost);
      assert.is(provisioned.identity.measurement, measurement);
      await attestation.store.allow({
        implementationId: Buffer.from(enrolment.implementationId, "hex"),
        measurement: Buffer.from(measurement, "hex"),
        description: "",
        allowedAt: Date.now(),
      });

      const kind = emulatedIsolate({ board, runtimeHost, state });
      let running: StartedIsolate | undefined;
      const isolate: IsolateKind = {
        ...kind,
        start: async (log) => {
          running = await kind.start(log);
          return running;
        },
      };
      const system = await System.start({
        attestation,
        principals: {
          alice: "shamir.wasm:w,input-0:w",
          bob: "input-1:w",
          carol: "input-2:w,output:r",
        },
        programs: { "shamir.wasm": { module, rights: "input-0:r,input-1:r,input-2:r,output:w" } },
        policy: { runtime_manager_hash_mcu: measurement },
        server: { isolate },
      });
      try {
        await computation(system);

        const alice = await system.connect("alice");
        const reason = await alice.sendProgram("shamir.wasm", module).then(
          () => "it was taken twice",
          ({ message }: Error) => message,
        );
        assert.match(reason, /written|already|whole/);

        // In mid-session the power goes: the server starts the board again, with nothing in it.
        const before = running;
        await running?.stop();
        await until("the board is up again", () => running !== before);
        await until("the server is ready again", () => system.logged("ready").length === 2);
        await computation(system);
      } finally {
        await system.stop();
        await attestation.stop();
      }
    });
  }
}
test.run();
