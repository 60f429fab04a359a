// The server's end points, in front of an isolate on any platform.
import { randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from "node:tls";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createWebSocketStream, WebSocket } from "ws";
import { verifyStatement } from "../../host/proxy-attestation-server/statement.js";
import {
  decodeBase64Message,
  decodeMessage,
  encodeBase64Message,
  encodeMessage,
  FrameReader,
  frame,
  Status,
} from "../../host/transport-protocol/index.js";
import { loadIdentity } from "../../host/veracruz-client/identity.js";
import { RequestSigner } from "../../host/veracruz-client/signed-requests.js";
import { PostTunnel } from "../../host/veracruz-client/tunnels.js";
import { clientHello } from "../support/client-hello.js";
import { testOn } from "../support/platforms.js";
import {
  exampleModule,
  principal,
  System,
  type TestAttestation,
  until,
} from "../support/system.js";

interface Answer {
  status: number;
  body: string;
}

/** What the server's end points take, refuse and withstand. */
export function endPoints(attestation: TestAttestation): void {
  const { platform } = attestation;
  let system: System;
  let port: number;

  test.before(async () => {
    const nop = exampleModule("nop");
    system = await System.start({
      attestation,
      principals: { alice: "nop.wasm:w,output:r", bob: "input-0:w" },
      programs: { "nop.wasm": { module: nop, rights: "output:w" } },
      server: {
        maxSessions: 70,
        maxBodyBytes: 20_000,
        allowedOrigins: ["https://good.example"],
        sessionsPerMinute: 100_000,
        // A test waits for this deadline; a handshake with a process takes milliseconds.
        ...(attestation.platform.kind === "linux" && { handshakeMs: 20_000 }),
      },
    });
    port = system.server.address.port;
  });
  test.after(() => system.stop());

  async function post(path: string, body: string): Promise<Answer> {
    const answer = await fetch(system.url(path), { method: "POST", body });
    return { status: answer.status, body: await answer.text() };
  }

  /** TLS options of a principal of the policy. */
  function tlsOptions(name: string): ConnectionOptions {
    const { pem, keyPem } = principal(name);
    return {
      servername: "ComputeEnclave.dev",
      ca: attestation.caPem,
      cert: pem,
      key: keyPem,
      minVersion: "TLSv1.3",
    };
  }

  /** The first bytes of a client of TLS 1.3. */
  const helloOf = () => clientHello(tlsOptions("alice"));

  /** Asks for the policy's hash over an open TLS session. */
  function policyHash(socket: TLSSocket): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const reader = new FrameReader(1000);
      socket.on("error", reject);
      socket.on("data", (chunk: Buffer) => {
        for (const bytes of reader.push(chunk)) {
          const message = decodeMessage("principalResponse", bytes);
          if (message.type === "hash") resolve(Buffer.from(message.hash));
        }
      });
      socket.write(frame(encodeMessage({ type: "requestPolicyHash" })));
    });
  }

  /** CONNECT by hand: the socket, and the head of the answer. */
  function connectRaw(authority: string, first = ""): Promise<{ socket: Socket; head: string }> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, "127.0.0.1");
      socket.on("error", reject);
      socket.once("data", (head) => resolve({ socket, head: head.toString() }));
      socket.write(`CONNECT ${authority} HTTP/1.1\r\nhost: ${authority}\r\n\r\n${first}`);
    });
  }

  testOn(platform, "GET /healthz says what is there, and nothing of any payload", async () => {
    const answer = await fetch(system.url("/healthz"));
    assert.is(answer.status, 200);
    const report = (await answer.json()) as Record<string, unknown>;
    assert.is(report.status, "ready");
    assert.is(report.policyHash, system.policy.hash.toString("hex"));
    assert.equal(report.sessions, { open: 0, max: 70, lastRefusal: "" });
    const isolate = report.isolate as Record<string, unknown>;
    assert.is(isolate.kind, platform.kind);
    assert.is(isolate.runtimeHash, Buffer.from(attestation.runtimeHash).toString("hex"));
    assert.is(isolate.restarts, 0);
    assert.match(String(isolate.boot), /^[0-9a-f]{32}$/);
  });

  testOn(platform, "POST /runtime_manager: a TLS session in the documented framing", async () => {
    const tunnel = new PostTunnel({ host: "127.0.0.1", port });
    const socket = connectTls({ socket: tunnel, ...tlsOptions("alice") });
    assert.ok((await policyHash(socket)).equals(system.policy.hash));
    socket.end();
    await until("the session is closed", async () => (await system.health()).sessions.open === 0);
  });

  testOn(platform, "POST /runtime_manager: the framing, byte by byte", async () => {
    // A whole ClientHello is answered with the server's flight, and the session is named.
    const opened = await post("/runtime_manager", `0 ${(await helloOf()).toString("base64")}`);
    assert.is(opened.status, 200);
    assert.match(opened.body, /^\d{1,10} [A-Za-z0-9+/=]+/);
    const session = Number(opened.body.split(" ")[0]);
    assert.ok(session > 0 && session < 2 ** 31);
    assert.equal(await post("/runtime_manager", `${session} `), { status: 200, body: "" });
    // What follows makes no sense: an alert comes back, once, and the session ends.
    const garbage = Buffer.from([0x17, 3, 3, 0, 0]).toString("base64");
    const { status, body } = await post("/runtime_manager", `${session} ${garbage}\n`);
    assert.is(status, 200);
    const [again, alert, ...more] = body.split(" ");
    assert.is(Number(again), session);
    assert.ok([21, 23].includes(Buffer.from(alert ?? "", "base64")[0] ?? 0));
    assert.equal(more, []);
    const gone = await post("/runtime_manager", `${session} `);
    assert.is(gone.status, 410);
    assert.match(gone.body, /^session \d+ has ended: TLS refused, [a-z ]+: [a-z_]+ \(\d+\)\n$/);

    for (const bad of [
      "",
      "0",
      "0 ",
      `0 ${Buffer.from([0x16, 3, 1]).toString("base64")}`,
      "0 !",
      "-1 AA==",
      "0 AA",
      "x AA==",
      "0 AA== AA==",
      "99999999999 ",
      "3000000000 ",
    ]) {
      const { status: refused, body: why } = await post("/runtime_manager", bad);
      assert.is(refused, 400, bad);
      assert.match(why, /^.{5,100}\n$/, bad);
    }
    assert.equal(await post("/runtime_manager", "5 AAAA"), { status: 404, body: "no session 5\n" });
    const large = await post("/runtime_manager", `0 ${"A".repeat(20_000)}`);
    assert.is(large.status, 413);
  });

  testOn(
    platform,
    "CONNECT isolate:443 is a raw stream to the isolate; nothing else can be reached",
    async () => {
      const { socket, head } = await connectRaw("isolate:443");
      assert.is(head, "HTTP/1.1 200 Connection Established\r\n\r\n");
      const secure = connectTls({ socket, ...tlsOptions("bob") });
      assert.ok((await policyHash(secure)).equals(system.policy.hash));
      assert.is(secure.getPeerCertificate().subject.CN, "ComputeEnclave.dev");
      secure.end();
      for (const other of ["isolate:80", "localhost:443", `127.0.0.1:${port}`, "example.org:443"]) {
        const refused = await connectRaw(other);
        assert.match(refused.head, /^HTTP\/1\.1 403 Forbidden\r\n/);
        assert.match(refused.head, /only isolate:443 can be reached here\n$/);
        refused.socket.destroy();
      }
    },
  );

  testOn(platform, "the client may send with CONNECT itself", async () => {
    // A record of a length that TLS does not know, at once: an alert is the answer.
    const { socket, head } = await connectRaw("isolate:443", "\x16\x03\x01\xff\xff");
    const rest = await new Promise<Buffer>((resolve) => {
      const chunks = [Buffer.from(head.slice(head.indexOf("\r\n\r\n") + 4), "latin1")];
      socket.on("data", (chunk) => chunks.push(chunk));
      socket.on("close", () => resolve(Buffer.concat(chunks)));
    });
    assert.is(rest[0], 21);
  });

  testOn(
    platform,
    "WebSocket on /runtime_manager carries a session; strange paths do not",
    async () => {
      const url = `ws://127.0.0.1:${port}/runtime_manager`;
      for (const origin of [undefined, "https://good.example"]) {
        const webSocket = new WebSocket(url, origin === undefined ? {} : { origin });
        const socket = connectTls({
          socket: createWebSocketStream(webSocket),
          ...tlsOptions("alice"),
        });
        assert.ok((await policyHash(socket)).equals(system.policy.hash));
        socket.end();
      }
      const refusedWith = (address: string, options: { origin?: string }) =>
        new Promise<number>((resolve, reject) => {
          const webSocket = new WebSocket(address, options);
          webSocket.on("unexpected-response", (_request, answer) =>
            resolve(answer.statusCode ?? 0),
          );
          webSocket.on("open", () => reject(new Error("it was opened")));
          webSocket.on("error", () => undefined);
        });
      assert.is(await refusedWith(`ws://127.0.0.1:${port}/other`, {}), 404);
    },
  );

  testOn(
    platform,
    "a WebSocket of a strange origin is closed unless its first message is a principal's signature",
    async () => {
      const before = system.logged("session opened").length;
      for (const first of [Buffer.from("1603010000", "hex"), "veracruz-policy: 00"]) {
        const webSocket = new WebSocket(`ws://127.0.0.1:${port}/runtime_manager`, {
          origin: "https://evil.example",
        });
        await new Promise((resolve) => webSocket.once("open", resolve));
        webSocket.send(first);
        const [code, reason] = await new Promise<[number, Buffer]>((resolve) =>
          webSocket.once("close", (...told) => resolve(told)),
        );
        assert.is(code, 1008);
        assert.ok(reason.length > 10, reason.toString());
      }
      assert.is(system.logged("session opened").length, before);
    },
  );

  testOn(
    platform,
    "a WebSocket's first message may be its signature; one that is forged is refused",
    async () => {
      const url = `ws://127.0.0.1:${port}/runtime_manager`;
      const { pem, keyPem } = principal("alice");
      const identity = loadIdentity(Buffer.from(pem), keyPem);
      const signer = new RequestSigner(identity, system.policy.hash);
      const server = { host: "127.0.0.1", port };
      const headers = await signer.headers(server, "GET", "/runtime_manager", `127.0.0.1:${port}`);
      const first = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
      const webSocket = new WebSocket(url);
      await new Promise((resolve) => webSocket.once("open", resolve));
      webSocket.send(first.join("\n"));
      const stream = createWebSocketStream(webSocket);
      const socket = connectTls({ socket: stream, ...tlsOptions("alice") });
      assert.ok((await policyHash(socket)).equals(system.policy.hash));
      assert.is(system.logged("session opened").at(-1)?.admitted, 1);
      socket.end();
      // The same again was used before.
      const again = new WebSocket(url);
      await new Promise((resolve) => again.once("open", resolve));
      again.send(first.join("\n"));
      const [code, reason] = await new Promise<[number, Buffer]>((resolve) =>
        again.once("close", (...told) => resolve(told)),
      );
      assert.is(code, 1008);
      assert.match(reason.toString(), /^the signature is refused: it was used before$/);
    },
  );

  testOn(
    platform,
    "POST /veracruz_server answers what may be asked in the clear, and nothing else",
    async () => {
      const ask = async (message: Parameters<typeof encodeBase64Message>[0]) => {
        const { status, body } = await post("/veracruz_server", encodeBase64Message(message));
        assert.is(status, 200);
        return decodeBase64Message("principalResponse", body);
      };
      assert.equal(await ask({ type: "requestPolicyHash" }), {
        type: "hash",
        status: Status.SUCCESS,
        hash: system.policy.hash,
      });
      // Nobody gets a token outside of a session: whoever is in between could have it vouch for its own.
      const nonce = new Uint8Array(randomBytes(32));
      for (const message of [
        { type: "requestProxyAttestationToken", nonce },
        { type: "requestFreshness", nonce },
        { type: "commit" },
        { type: "requestState" },
        { type: "requestShutdown" },
        { type: "requestNextRound", round: 0 },
      ] as const) {
        const answer = await ask(message);
        const status = answer.type === "outcome" && answer.status;
        assert.is(status, Status.FAILED_INVALID_ROLE, message.type);
      }
      for (const body of ["", "!", "kQ==", encodeBase64Message({ type: "health", id: 1 })]) {
        const { body: answer } = await post("/veracruz_server", body);
        const message = decodeBase64Message("principalResponse", answer);
        assert.is(message.type === "outcome" && message.status, Status.FAILED_INVALID_REQUEST);
      }
    },
  );

  testOn(
    platform,
    "a token is made inside of a session, and its statement convinces only who asked for it",
    async () => {
      const alice = await system.connect("alice");
      const statement = await alice.reattest();
      assert.is(statement.kind, platform.kind);
      // The same statement for another nonce is worth nothing.
      const refused = verifyStatement(new Uint8Array([1, 2, 3]), {
        ca: attestation.caPem,
        nonce: new Uint8Array(32),
        publicKey: alice.isolate.publicKey,
        policyHash: new Uint8Array(system.policy.hash),
        exporter: new Uint8Array(32),
        isolateNotBefore: alice.isolate.notBefore.getTime(),
        runtimeHashes: { [platform.kind]: attestation.runtimeHash },
      });
      assert.is(refused.ok, false);
      await alice.close();
    },
  );

  testOn(
    platform,
    "other paths, methods and broken requests get their refusal in one line",
    async () => {
      assert.is((await fetch(system.url("/other"))).status, 404);
      assert.is((await fetch(system.url("/runtime_manager"))).status, 404);
      const broken = await new Promise<string>((resolve) => {
        const socket = connect(port, "127.0.0.1", () => socket.end("NONSENSE\r\n\r\n"));
        socket.on("data", (chunk) => resolve(chunk.toString()));
      });
      assert.match(broken, /^HTTP\/1\.1 400 /);
    },
  );

  testOn(
    platform,
    "idle connections take none of the isolate's sessions, and are closed in time",
    async () => {
      const idle = await Promise.all(Array.from({ length: 100 }, () => connectRaw("isolate:443")));
      // On a busy machine some are closed before the next step is done.
      const closed = idle.map(
        ({ socket }) => socket.closed || new Promise((resolve) => socket.once("close", resolve)),
      );
      assert.is((await system.health()).sessions.open, 0);
      const alice = await system.connect("alice");
      assert.ok((await alice.policyHash()).equals(system.policy.hash));
      await alice.close();
      await Promise.all(closed);
      const inTime = /^no whole ClientHello within \d+ ms$/;
      assert.ok(system.logged("session refused").some(({ reason }) => inTime.test(String(reason))));
    },
  );

  testOn(
    platform,
    "handshakes that are left unfinished give way, and open sessions go on",
    async () => {
      const alice = await system.connect("alice");
      // More than the isolate has room for: some wait, and are answered when others give way.
      const hello = (await helloOf()).toString("base64");
      const unfinished = Array.from({ length: 30 }, () => post("/runtime_manager", `0 ${hello}`));
      assert.ok((await alice.policyHash()).equals(system.policy.hash));
      const bob = await system.connect("bob", { transport: "post" });
      assert.ok((await bob.policyHash()).equals(system.policy.hash));
      await bob.close();
      for (const { status, body } of await Promise.all(unfinished)) {
        // Answered, or told that it had to give way, before or after that.
        if (status === 200) assert.match(body, /^\d{1,10} [A-Za-z0-9+/=]+/);
        else assert.match(body, /^.{20,160}\n$/);
      }
      await until("all of them are gone", async () => (await system.health()).sessions.open === 1);
      await alice.close();
    },
  );

  testOn(platform, "random bytes on every end point leave the server as it was", async () => {
    for (let turn = 0; turn < 40; turn++) {
      const bytes = randomBytes(10 + (turn % 7) * 300);
      // No type of a TLS record: the isolate need not wait for more.
      bytes[0] = 0x40 + turn;
      const { socket } = await connectRaw("isolate:443");
      socket.on("error", () => undefined);
      socket.write(bytes);
      await post("/runtime_manager", `0 ${bytes.toString("base64")}`);
      await post("/veracruz_server", bytes.toString("base64"));
      await post("/veracruz_server", bytes.toString("latin1"));
      socket.destroy();
      if (turn % 10 === 0) {
        const raw = connect(port, "127.0.0.1", () => raw.end(bytes));
        raw.on("error", () => undefined).resume();
        await new Promise((resolve) => raw.once("close", resolve));
      }
    }
    await until("all sessions are closed", async () => (await system.health()).sessions.open === 0);
    const alice = await system.connect("alice");
    assert.ok((await alice.policyHash()).equals(system.policy.hash));
    await alice.close();
  });

  testOn(platform, "the log names sessions and reasons, and holds no payload", () => {
    assert.ok(system.logged("session opened").length > 5);
    assert.ok(system.logged("session closed").every((line) => typeof line.reason === "string"));
    const text = JSON.stringify(system.log);
    assert.not.match(text, /PRIVATE KEY|BEGIN CERTIFICATE|base64/);
  });
}
