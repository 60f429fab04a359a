// vc-server --isolate serial:DEVICE: a whole computation over the serial line of an emulated board, which
// is a terminal device of this computer as a real board's is; then the board is gone.
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { EmulatedIsolate } from "../../host/mcu/emulated-isolate.js";
import { missingTools } from "../../host/mcu/toolchain.js";
import { VeracruzClient } from "../../host/veracruz-client/client.js";
import { loadIdentity } from "../../host/veracruz-client/identity.js";
import { Policy } from "../../host/veracruz-utils/policy.js";
import { hostsInTurn } from "../mcu-client/rotation.js";
import { exampleData } from "../support/example-data.js";
import { boardInFull, emulatedDevice } from "../support/platforms.js";
import { ServerCommand } from "../support/server-command.js";
import { skip } from "../support/shared.js";
import {
  exampleModule,
  failure,
  makePolicy,
  principal,
  TestAttestation,
} from "../support/system.js";

const module = exampleModule("private-set-intersection");
const data = exampleData("private-set-intersection");

const hosts = hostsInTurn();
const reason = missingTools();
if (reason) skip(hosts.length, reason);
else {
  const board = boardInFull();
  for (const runtimeHost of hosts) {
    const platform = emulatedDevice(board, runtimeHost);
    test(`${platform.name}: a computation over serial:DEVICE; a board that is gone is told of`, async () => {
      const attestation = await TestAttestation.start({ platform });
      const isolate = await EmulatedIsolate.start({
        board,
        runtimeHost,
        build: false,
        state: join(attestation.folder, "board-secret"),
        serialTerminal: true,
      });
      const device = await isolate.board.serialDevice();
      const document = makePolicy(attestation, {
        principals: { alice: "psi.wasm:w,input-0:w", bob: "input-1:w,output:r" },
        programs: { "psi.wasm": { module, rights: "input-0:r,input-1:r,output:w" } },
      });
      const policy = new Policy(Buffer.from(JSON.stringify(document)));
      const server = new ServerCommand("veracruz-server", [
        attestation.write("policy.json", policy.bytes),
        ...["--listen", "127.0.0.1:0", "--isolate", `serial:${device}`, "--isolate-restarts", "1"],
      ]);
      try {
        await server.logged("ready");
        const address = await server.address();
        const connect = (name: string) => {
          const { pem, keyPem } = principal(name);
          const identity = loadIdentity(Buffer.from(pem), keyPem);
          return VeracruzClient.connect({ policy, identity, server: address });
        };
        const alice = await connect("alice");
        const bob = await connect("bob");
        assert.is((await alice.reattest()).kind, "mcu");
        await bob.sendData("input-1", data["input-1"] as Uint8Array);
        await alice.sendProgram("psi.wasm", module);
        await alice.sendData("input-0", data["input-0"] as Uint8Array);
        assert.equal(await bob.read(), Buffer.from(data["expected-1"] as Uint8Array));

        await isolate.close();
        const error = await failure(alice.state());
        assert.match(error.message, /the server/);
        assert.not.match(error.message, /\n/);
        assert.is(await server.ended, 3, server.err);
        assert.ok(server.err.includes(device), server.err);
      } catch (error) {
        console.log(isolate.board.output, server.out, server.err);
        throw error;
      } finally {
        await server.kill();
        await isolate.close();
        await attestation.stop();
      }
    });
  }
}
test.run();
