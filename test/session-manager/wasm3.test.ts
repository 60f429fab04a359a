// The engine as the trusted runtime has it: interpreted by wasm3, against the same engine in V8.
import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { wasmPath } from "../../host/common/paths.js";
import { Status, TlsEngine } from "../../host/session-manager/engine.js";
import { loadTlsEngine } from "../../host/session-manager/load.js";
import { Random } from "../support/random.js";
import { authority, identityOf, serverName } from "./support/credentials.js";
import { client, server } from "./support/engine-sessions.js";
import { instantiateInWasm3 } from "./support/wasm3-instance.js";

test("server and client in wasm3 and in V8, crosswise: handshake, data, KeyUpdate, close", () => {
  const wasm3 = instantiateInWasm3(readFileSync(wasmPath("session-manager")));
  const engines = { wasm3: new TlsEngine(wasm3), v8: loadTlsEngine() };
  const data = new Random(3).bytes(20_000);
  for (const [serverHome, clientHome] of [
    ["wasm3", "v8"],
    ["v8", "wasm3"],
  ] as const)
    for (const suites of [1, 2]) {
      const near = engines[clientHome]
        .configure({
          suites,
          identity: identityOf(client),
          server: { authority: authority.certificate, name: serverName },
        })
        .open("client");
      const far = engines[serverHome].configure({ identity: identityOf(server) }).open("server");
      const move = (): Buffer => {
        const received: Uint8Array[] = [];
        for (let round = 0; round < 4; round++)
          for (const [from, to] of [
            [near, far],
            [far, near],
          ] as const) {
            const bytes = from.takeOutput();
            for (let at = 0; at < bytes.length; ) {
              at += to.feed(bytes.subarray(at));
              if (to.status === Status.approval) to.approvePeer();
              received.push(to.takePlaintext());
            }
          }
        return Buffer.concat(received);
      };
      move();
      assert.is(near.status, Status.open);
      assert.is(far.status, Status.open);
      assert.is(near.write(data), data.length);
      assert.ok(move().equals(data));
      far.updateKeys(true);
      assert.is(far.write(data), data.length);
      assert.ok(move().equals(data));
      near.close();
      move();
      far.close();
      move();
      assert.is(near.status, Status.closed);
      assert.is(far.status, Status.closed);
      near.dispose();
      far.dispose();
    }
  wasm3.free();
});

test.run();
