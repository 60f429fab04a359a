// The limits that a newcomer meets with a large file: what is said, and by which option more is allowed.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { exampleModule, System, TestAttestation } from "../support/system.js";

const MIB = 1024 * 1024;
const attestation = await TestAttestation.start();
test.after(() => attestation.stop());

/** What a principal is told who sends a file of that size. */
async function refusalOf(bytes: number, fileBytes: number): Promise<string> {
  let message = "";
  await System.use(
    {
      attestation,
      principals: { alice: "nop.wasm:w,input-0:w,output:r" },
      programs: { "nop.wasm": { module: exampleModule("nop"), rights: "input-0:r,output:w" } },
      policy: { execution_limits: { file_bytes: fileBytes } },
    },
    async (system) => {
      const alice = await system.connect("alice");
      // It is refused with its first piece.
      const pieces = (async function* () {
        for (let sent = 0; sent < bytes; sent += MIB) yield new Uint8Array(MIB);
      })();
      await alice.sendData("input-0", { length: bytes, pieces }).then(
        () => assert.unreachable(),
        (error: Error) => {
          message = error.message;
        },
      );
      await alice.close();
    },
  );
  return message;
}

test("a file that the policy does not allow: the limit, and the option of vc-pgen", async () => {
  assert.is(
    await refusalOf(17 * MIB, 16 * MIB),
    `FAILED_GENERIC: a file of ${17 * MIB} bytes is larger than the policy's limit of ${16 * MIB}; a policy made with vc-pgen --max-file allows more`,
  );
});

test("a file that the isolate has no memory for: what is free, and the option of vc-server", async () => {
  assert.match(
    await refusalOf(300 * MIB, 400 * MIB),
    /^FAILED_GENERIC: a file of 314572800 bytes does not fit: 2\d{8} bytes are free; on a computer, vc-server --isolate-memory \(or vc-isolate --memory, where it is started apart\) gives the isolate more$/,
  );
});

test.run();
