// The client's module, without its firmware: that a configuration replaces the one before; what a session
// takes of its memory, that nothing is left behind, and what happens when it runs out, at whatever step.
import { createServer, request } from "node:http";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { VC_E_KIND, VC_E_MEMORY } from "../../assembly/mcu-client/codes.js";
import { Policy } from "../../host/veracruz-utils/policy.js";
import { makePolicy, System } from "../support/system.js";
import { ClientModule } from "./client-module.js";
import { threeDevices } from "./scenario.js";

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
  assert.is(await client.connect(), VC_E_KIND);
  client.forget();
});

test("a session leaves nothing behind, and the module's memory does not grow", async () => {
  const client = ClientModule.load();
  client.configure(system, "device-0");
  const once = async (file: string) => {
    assert.is(await client.connect(), 0);
    // It has signed its request: the server let it in as a principal.
    assert.is(system.logged("session opened").at(-1)?.admitted, 1);
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

test("a proxy in between that speaks HTTP in its own way: interim answers, chunks, lists of options", async () => {
  const hops: Record<string, string>[] = [
    { connection: "Keep-Alive, X-Hop" },
    { connection: "Keep-Alive, close" },
    { via: "1.1 proxy", "x-long": "y".repeat(2000) },
  ];
  let answers = 0;
  const proxy = createServer((asked, answer) => {
    const { host, port } = system.address;
    const onward = request({ host, port, method: asked.method, path: asked.url }, (answered) => {
      answer.writeContinue();
      answer.writeProcessing();
      for (const [name, value] of Object.entries(hops[answers++ % hops.length] ?? {}))
        answer.setHeader(name, value);
      // Without a length: Node sends chunks, of as many bytes as it is given at once.
      answer.writeHead(answered.statusCode ?? 500);
      answered.on("data", (part: Buffer) => {
        for (let at = 0; at < part.length; at += 100) answer.write(part.subarray(at, at + 100));
      });
      answered.on("end", () => answer.end());
    });
    onward.on("error", () => answer.destroy());
    asked.pipe(onward);
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  try {
    const client = ClientModule.load();
    const { port } = proxy.address() as { port: number };
    client.configure(system, "device-0", system.policy, { host: "127.0.0.1", port });
    assert.is(await client.connect(), 0);
    // Written by the test before: the isolate answers, and refuses.
    assert.is.not(await client.sendData("input-0", share), 0);
    await client.close();
    assert.ok(answers > hops.length, `${answers} answers`);
  } finally {
    proxy.closeAllConnections();
    proxy.close();
  }
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
      if (code === VC_E_MEMORY) {
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
