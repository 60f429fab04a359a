// A computer's isolate with as much memory as WebAssembly addresses: files of more than 1 GiB, and what lies
// above 2 GiB, where an address is negative to whoever takes it for signed.
import { randomBytes } from "node:crypto";
import { freemem } from "node:os";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { MAX_MEMORY_BYTES } from "../../host/isolate/worker-protocol.js";
import { skip } from "../support/shared.js";
import { Deployment, example, newPrincipal } from "./deployment.js";

const GIB = 2 ** 30;
/** What the files of this test take, and some. */
const NEEDED = 4 * GIB;

if (freemem() < NEEDED) {
  skip(1, `needs ${NEEDED / GIB} GiB of free memory, here are ${(freemem() / GIB).toFixed(1)}`);
} else {
  test("files of 1 GiB and more are begun; one that lies above 2 GiB is what it was", async () => {
    const alice = newPrincipal("alice");
    const module = example("nop");
    const deployment = await Deployment.start({
      memoryLimit: MAX_MEMORY_BYTES,
      identities: [
        {
          certificate: alice,
          capabilities: "nop.wasm:w,input-0:rw,input-1:w,input-2:w,input-3:w,output:r",
        },
      ],
      programs: [{ name: "nop.wasm", module, capabilities: "input-0:r,output:w" }],
      policy: { execution_limits: { file_bytes: 2 ** 32 - 1 } },
    });
    try {
      const connection = await deployment.connect(alice);
      const begin = (fileName: string, total: number) =>
        connection.request({ type: "data", fileName, offset: 0, total, bytes: randomBytes(100) });
      const outcome = async (fileName: string, total: number) => {
        const response = await begin(fileName, total);
        return response.type === "outcome" ? response.text : response.type;
      };
      assert.is(await outcome("input-1", GIB), "");
      assert.is(await outcome("input-2", GIB + 4096), "");
      // More than 2 GiB are taken now: what comes next lies above.
      const content = randomBytes(3_000_000);
      const stored = await connection.send("data", "input-0", content, 16_384);
      assert.is(stored.type === "outcome" && stored.text, "");
      assert.ok(deployment.isolate.module.memoryBytes > 2 * GIB + content.length);
      assert.ok(content.equals((await connection.read("input-0")) as Uint8Array));
      await connection.send("program", "nop.wasm", module);
      const result = await connection.read("output");
      assert.instance(result, Uint8Array);
      // The allocator has no block of 2 GiB, and there is no memory for it either.
      for (const total of [2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1])
        assert.match(await outcome("input-3", total), /does not fit: \d+ bytes are free/);
    } finally {
      await deployment.stop();
    }
  });
}

test.run();
