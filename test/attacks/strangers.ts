// Attacks by strangers, who only want to disturb: on sockets, handshakes and the isolate's sessions. A web
// page is a stranger, too. Each is named as in SECURITY.md.
import { connect, type Socket } from "node:net";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { testOn } from "../support/platforms.js";
import { exampleModule, System, type TestAttestation, until } from "../support/system.js";

/** A connection that says something, and closes once the other side has answered. */
function sayAndLeave(port: number, words: string, oneMore: string): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(words));
    socket.on("error", () => undefined);
    socket.on("close", () => resolve());
    socket.once("data", () => socket.end(oneMore));
    setTimeout(() => socket.destroy(), 60_000).unref();
  });
}

/** What strangers try, and what it must not do to principals. */
export function strangerAttacks(attestation: TestAttestation): void {
  const { platform } = attestation;
  const nop = exampleModule("nop");
  let system: System;
  let port: number;

  test.before(async () => {
    system = await System.start({
      attestation,
      principals: { alice: "nop.wasm:w,output:r", bob: "input-0:w" },
      programs: { "nop.wasm": { module: nop, rights: "output:w" } },
      server: { maxConnections: 200, sessionsPerMinute: 100_000 },
    });
    port = system.server.address.port;
  });
  test.after(() => system.stop());

  const answers = async () => {
    const answer = await fetch(system.url("/healthz"), { signal: AbortSignal.timeout(60_000) });
    assert.is(answer.status, 200);
  };

  testOn(platform, "H1: connections whose CONNECT or upgrade was refused do not stay", async () => {
    const refused = [
      "CONNECT example.org:443 HTTP/1.1\r\nhost: example.org\r\n\r\n",
      "GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade, http2-settings\r\nupgrade: h2c\r\n\r\n",
      "GET /runtime_manager HTTP/1.1\r\nhost: x\r\norigin: https://evil.example\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
      "GET /runtime_manager HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
    ];
    for (let turn = 0; turn < 40; turn++) {
      await Promise.all(refused.map((words) => sayAndLeave(port, words, "x")));
    }
    await answers();
    // Not even one of those that never leave by themselves.
    const staying = await Promise.all(
      refused.map(
        (words) =>
          new Promise<Socket>((resolve, reject) => {
            const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true }, () =>
              socket.write(words),
            );
            socket.on("error", reject);
            socket.once("data", () => {
              socket.on("error", () => undefined);
              resolve(socket.resume());
            });
          }),
      ),
    );
    await until("the server has closed what it refused", () =>
      staying.every((socket) => {
        if (!socket.destroyed) socket.write("more");
        return socket.destroyed;
      }),
    );
  });

  // What M5 is for the attestation server.
  testOn(
    platform,
    "M5: one address that opens all connections does not keep others out",
    async () => {
      const open = () =>
        new Promise<Socket>((resolve) => {
          const socket = connect({ port, host: "127.0.0.1", localAddress: "127.0.0.2" });
          socket.on("error", () => resolve(socket));
          socket.once("connect", () => resolve(socket));
        });
      const held = await Promise.all(Array.from({ length: 400 }, open));
      for (let turn = 0; turn < 20; turn++) await answers();
      const alice = await system.connect("alice");
      await alice.close();
      for (const socket of held) socket.destroy();
    },
  );

  testOn(platform, "H2: empty POSTs of a web page take no handshake from principals", async () => {
    const headers = { origin: "https://evil.example", "content-type": "text/plain" };
    const before = system.logged("session opened").length;
    const posts = await Promise.all(
      Array.from({ length: 24 }, () =>
        fetch(system.url("/runtime_manager"), { method: "POST", body: "0 ", headers }),
      ),
    );
    assert.ok(posts.every(({ status }) => status === 403));
    const bare = await Promise.all(
      Array.from({ length: 24 }, () =>
        fetch(system.url("/runtime_manager"), { method: "POST", body: "0 " }),
      ),
    );
    assert.ok(bare.every(({ status }) => status === 400));
    assert.is(system.logged("session opened").length, before);
    const alice = await system.connect("alice");
    await alice.close();
  });

  testOn(platform, "H2: one byte at a time through tunnels takes no handshake either", async () => {
    const before = system.logged("session opened").length;
    const tunnels = await Promise.all(
      Array.from({ length: 24 }, async () => {
        const socket = connect({ port, host: "127.0.0.1", localAddress: "127.0.0.2" });
        socket.on("error", () => undefined);
        socket.write("CONNECT isolate:443 HTTP/1.1\r\nhost: isolate:443\r\n\r\n");
        await new Promise((resolve) => socket.once("data", resolve));
        socket.write(Buffer.from([0x16]));
        return socket;
      }),
    );
    for (const byte of [3, 1, 1, 0]) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      for (const socket of tunnels) socket.write(Buffer.from([byte]));
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
    assert.is(system.logged("session opened").length, before);
    const alice = await system.connect("alice");
    await alice.close();
    for (const socket of tunnels) socket.destroy();
  });
}
