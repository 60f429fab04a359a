// One deadline for a whole handshake: what comes meanwhile, byte by byte, does not put it off.
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Bridge } from "../../host/veracruz-server/bridge.js";
import { clientHello } from "../support/client-hello.js";
import { System } from "../support/system.js";

test("a handshake has 15 s with an isolate on a computer, 60 s with a microcontroller's, or what its operator says", () => {
  const bounds = { waiting: { total: 10, perAddress: 10 }, maxSessions: 10, log: () => undefined };
  const deadline = (kind: string, handshakeMs?: number) => {
    const bridge = new Bridge({ ...bounds, handshakeMs });
    bridge.makeRoom({ kind, handshakes: 24, strangers: 8 });
    return bridge.handshakeMs;
  };
  assert.is(deadline("linux"), 15_000);
  assert.is(deadline("mcu"), 60_000);
  assert.is(deadline("linux", 3_000), 3_000);
});

test("bytes that come one by one put no handshake's deadline off, before the ClientHello is whole or after", async () => {
  const system = await System.start({
    principals: { alice: "input-0:w" },
    server: { handshakeMs: 1_500 },
  });
  const hello = await clientHello();
  // After the ClientHello an encrypted record, of which all is to come but its end.
  const words = Buffer.concat([hello, Buffer.of(0x17, 3, 3, 0x3f, 0xff), Buffer.alloc(0x3ffe)]);
  for (const [atOnce, event, reason] of [
    [100, "session refused", /^no whole ClientHello within 1500 ms$/],
    [hello.length, "session closed", /^no handshake within 1500 ms$/],
  ] as const) {
    const socket = connect(system.server.address.port, "127.0.0.1");
    socket.on("error", () => undefined);
    socket.write("CONNECT isolate:443 HTTP/1.1\r\nhost: isolate:443\r\n\r\n");
    await once(socket, "data");
    let sent: number = atOnce;
    socket.write(words.subarray(0, sent));
    const slowly = setInterval(() => socket.write(words.subarray(sent, ++sent)), 100);
    await once(socket.resume(), "close");
    clearInterval(slowly);
    const reasons = system.logged(event).map((line) => String(line.reason));
    assert.ok(
      reasons.some((each) => reason.test(each)),
      reasons.join(", "),
    );
  }
  await system.stop();
});

test.run();
