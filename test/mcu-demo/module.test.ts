// The client's module, without its firmware: that a configuration replaces the one before; what a session
// takes of its memory, that nothing is left behind, and what happens when it runs out, at whatever step.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Policy } from "../../host/veracruz-utils/policy.js";
import { makePolicy, System } from "../support/system.js";
import { ClientModule } from "./client-module.js";
import { threeDevices } from "./scenario.js";

const E_KIND = -8;
const E_MEMORY = -14;
const share = Uint8Array.from({ length: 3000 }, (_, index) => (index === 0 ? 1 : index & 0xff));

let system: System;
test.before(async () => {
  system = await System.start(threeDevices("shamir-secret-sharing"));
});
test.after(async () => {
  await system.stop();
});

test("a runtime that only an earlier policy named is refused", async () => {
  const options = threeDevices("shamir-secret-sharing");
  const { runtime_manager_hash_linux: hash, ...rest } = makePolicy(system.attestation, options);
  const document = { ...rest, runtime_manager_hash_mcu: hash };
  const client = ClientModule.load();
  client.configure(system, "device-0");
  client.configure(system, "device-0", new Policy(Buffer.from(JSON.stringify(document))));
  assert.is(await client.connect(), E_KIND);
  client.forget();
});

test("a session leaves nothing behind, and the module's memory does not grow", async () => {
  const client = ClientModule.load();
  client.configure(system, "device-0");
  const once = async (file: string) => {
    assert.is(await client.connect(), 0);
    const connected = client.call("heapUsed");
    const code = await client.sendData(file, share);
    assert.is(client.call("heapUsed"), connected, "as much in use after sending as before");
    await client.close();
    return code;
  };
  client.call("paintFree");
  assert.is(await once("input-0"), 0);
  const lost = client.call("paintLost");
  const idle = client.call("heapUsed");
  console.log(`  ${idle} bytes of the heap in use without a session, ${lost} more for one`);
  // Written before: refused, which takes as much memory. Configured anew, as vc_connect does each time.
  for (let i = 0; i < 3; i++) {
    client.configure(system, "device-0");
    assert.is.not(await once("input-0"), 0);
  }
  assert.is(client.call("heapUsed"), idle);
  assert.is(client.pages, 1);
});

for (const when of ["before it connects", "in the middle of a file"] as const) {
  test(`memory that runs out ${when} is a code, however little is left, and no half file counts`, async () => {
    const begun = when === "in the middle of a file";
    const file = begun ? "input-2" : "input-1";
    let failed = 0;
    let enough = 0;
    // More and more is left, until all is well several times. A trap would reject.
    for (let left = 0; enough < 3; left += 256) {
      const client = ClientModule.load();
      client.configure(system, file.replace("input", "device"));
      if (!begun) client.call("leaveMemory", left);
      let code = await client.connect();
      if (begun) assert.is(code, 0);
      let pieces = 0;
      if (code === 0)
        code = await client.sendData(file, share, () => {
          if (pieces++ === 0 && begun) client.call("leaveMemory", left);
        });
      if (code === E_MEMORY) {
        failed++;
        assert.is(enough, 0, `with ${left} bytes it fails, with fewer it did not`);
        assert.is(pieces > 0, begun, `${pieces} pieces`);
      } else if (enough++ === 0) {
        console.log(`  ${when}: all is well with ${left} bytes`);
        assert.is(code, 0, "the isolate keeps nothing of the attempts before");
      }
      client.forget();
      await client.endAtServer();
    }
    assert.ok(failed > 3, `failed ${failed} times`);
  });
}

test.run();
