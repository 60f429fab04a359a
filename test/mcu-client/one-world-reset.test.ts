// A board with one world whose server has it wiped: its network code shares a thread with the runtime, so that only a
// start of the whole board shows that the next policy gets a runtime as it was measured (SECURITY.md, property 10).
import { test } from "uvu";
import * as assert from "uvu/assert";
import { missingTools } from "../../host/mcu/toolchain.js";
import { boardPool } from "../../host/veracruz-server/board-pool.js";
import { tcpIsolate } from "../../host/veracruz-server/isolate-launchers.js";
import { emulatedDevice } from "../support/platforms.js";
import { skip } from "../support/shared.js";
import { exampleModule, System, type SystemOptions, TestAttestation } from "../support/system.js";

const BOARD = "mps2-an385";

const reason = missingTools();
if (reason !== undefined) skip(1, reason);
else
  test(`${BOARD}: told to wipe what it holds, it starts again, and works for another policy`, async () => {
    const attestation = await TestAttestation.start({ platform: emulatedDevice(BOARD, "c") });
    const alone = await attestation.provisioned.startAlone();
    try {
      const isolate = tcpIsolate(alone.address);
      const module = exampleModule("nop");
      /** One computation of a policy of its own: which start of the board it had, and the server's log. */
      const compute = async (server: SystemOptions["server"]) => {
        let boot = "";
        let log: System["log"] = [];
        const options: SystemOptions = {
          attestation,
          principals: { alice: "nop.wasm:w,output:r" },
          programs: { "nop.wasm": { module, rights: "output:w" } },
          server: { isolate, isolateRestarts: 0, ...server },
        };
        await System.use(options, async (system) => {
          const alice = await system.connect("alice");
          await alice.sendProgram("nop.wasm", module);
          await alice.read();
          await alice.close();
          const { isolate: health } = await system.health();
          assert.is(health.restarts, 0, "that it starts again is not counted as a loss");
          boot = health.boot;
          log = system.log;
        });
        return { boot, log };
      };
      const first = await compute({});
      const second = await compute({ reset: true });
      assert.is.not(second.boot, first.boot);
      assert.ok(second.log.some(({ msg }) => msg === "isolate starts again after its reset"));
      // The same where the board is one of a pool.
      const isolates = boardPool([{ launcher: isolate, lasts: true }], true);
      const third = await compute({ isolate: undefined, isolates });
      assert.is.not(third.boot, second.boot);
    } finally {
      await alone.stop();
      await attestation.stop();
    }
  });
test.run();
