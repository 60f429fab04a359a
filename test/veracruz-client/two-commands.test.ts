// Two commands of one principal at the same time: the server lets one handshake of hers go on, the newest.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { exampleModule, System } from "../support/system.js";

test("two commands of one principal at once both get in", () =>
  System.use(
    {
      principals: { alice: "nop.wasm:w,output:r" },
      programs: { "nop.wasm": { module: exampleModule("nop"), rights: "output:w" } },
    },
    async (system) => {
      for (let turn = 0; turn < 20; turn++) {
        const clients = await Promise.all([system.connect("alice"), system.connect("alice")]);
        for (const client of clients) {
          assert.ok((await client.policyHash()).equals(system.policy.hash));
          await client.close();
        }
      }
    },
  ));

test.run();
