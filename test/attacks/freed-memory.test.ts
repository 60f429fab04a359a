// M3: a session drains the memory of TLS, so that the answer to another one's request must wait, while more of its
// input came with the same frame. That input lies in memory which is given back: it must not be read any more.
import { setImmediate as turn } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { PROFILE_MCU } from "../../assembly/platform-services/program-profiles.js";
import { REFUSED_NO_MEMORY } from "../../assembly/session-manager/alerts.js";
import {
  Deployment,
  example,
  inProcess,
  type LocalIsolate,
  newPrincipal,
} from "../runtime-manager/deployment.js";
import { inProcessScrubbed } from "../runtime-manager/scrubbed.js";

const KIB = 1024;
const alice = newPrincipal("alice");
const module = example("nop");

/** Announces a record of so many bytes, none of which comes: the session holds memory for them. */
function announce(isolate: LocalIsolate, session: number, length: number): void {
  const tls = Buffer.from([0x17, 3, 3, length >> 8, length & 0xff]);
  assert.is(isolate.request({ type: "tlsInput", id: 1, session, tls }).type, "done");
}

/** What a session's peer sends while `act` runs, held back. */
async function withheld(isolate: LocalIsolate, session: number, act: () => void): Promise<Buffer> {
  const held: Uint8Array[] = [];
  const request = isolate.request;
  isolate.request = (message) => {
    if (message.type !== "tlsInput" || message.session !== session)
      return request.call(isolate, message);
    held.push(message.tls);
    return { type: "done", id: message.id };
  };
  act();
  for (let turns = 0; turns < 20; turns++) await turn();
  isolate.request = request;
  return Buffer.concat(held);
}

for (const platform of [inProcess, inProcessScrubbed])
  test(`M3, ${platform.name}: input that cannot be worked on for want of memory ends its session, and is not read later`, async () => {
    const deployment = await Deployment.on(platform, {
      memoryLimit: 512 * KIB,
      programProfile: PROFILE_MCU,
      identities: [{ certificate: alice, capabilities: "p.wasm:w,input-0:rw,output:r" }],
      programs: [{ name: "p.wasm", module, capabilities: "input-0:r,output:w" }],
    });
    try {
      const { isolate } = deployment;
      const victim = await deployment.connect(alice);
      victim.socket.on("error", () => undefined);
      await victim.send("data", "input-0", Buffer.alloc(4096, 1));
      const drains = [await deployment.connect(alice), await deployment.connect(alice)];
      const last = await deployment.connect(alice);
      // Of the 48 KiB that a principal's sessions share some 1,000 bytes are left: room for requests, not for a piece.
      for (const { number } of drains) announce(isolate, number, 16_401);
      announce(isolate, last.number, 48 * KIB - 2 * 16_401 - 1000);

      const input = await withheld(isolate, victim.number, () => {
        const piece = { round: 0, fileName: "input-0", programName: "", offset: 0, length: 4096 };
        victim.request({ type: "requestResult", ...piece }).catch(() => undefined);
        victim.request({ type: "requestPolicyHash" }).catch(() => undefined);
      });
      const first = 5 + input.readUInt16BE(3);
      assert.ok(input.length > first + 5, "two records, of which the second one must wait");
      isolate.request({ type: "tlsInput", id: 1, session: victim.number, tls: input });
      const reason = isolate.closed.get(victim.number);

      // Another frame takes the place of the one before; then there is memory again, and time passes.
      const policy = Buffer.alloc(input.length + 8, 0x17);
      isolate.request({ type: "initialise", id: 1, version: 1, policy });
      for (const { number } of [...drains, last])
        isolate.request({ type: "closeSession", id: 1, session: number });
      isolate.tick(1000);
      isolate.tick(1000);
      assert.is(isolate.closed.get(victim.number), `refused: ${REFUSED_NO_MEMORY}`);
      assert.is(reason, `refused: ${REFUSED_NO_MEMORY}`);

      // Nobody else is concerned.
      const again = await deployment.connect(alice);
      assert.is((await again.request({ type: "requestPolicyHash" })).type, "hash");
    } finally {
      await deployment.stop();
    }
  });

test.run();
