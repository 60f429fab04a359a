// Attacks by principals: what the policy does not allow, at what cost for the others. Each is named as in
// SECURITY.md.
import { pino } from "pino";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { loadTlsEngine } from "../../host/session-manager/load.js";
import { TlsDuplex } from "../../host/session-manager/tls-duplex.js";
import { Status } from "../../host/transport-protocol/index.js";
import { loadIdentity } from "../../host/veracruz-client/identity.js";
import { ISOLATE_NAME } from "../../host/veracruz-client/isolate-identity.js";
import { connectTunnel } from "../../host/veracruz-client/tunnels.js";
import { withDefaults } from "../../host/veracruz-server/settings.js";
import { certificateFromPem } from "../../host/x509/principal-certificate.js";
import { testOn } from "../support/platforms.js";
import {
  exampleModule,
  principal,
  System,
  type TestAttestation,
  until,
} from "../support/system.js";
import { flood, floods } from "./floods.js";

/** Why the isolate ends the session: `REFUSED_IDLE_RECORDS`, as a number or in words. */
const MANY_IDLE = /19210|idle records/;
/** KeyUpdate records in one message of 20 KB. */
const MANY = 740;

/** What principals try against the others of a running system. */
export function principalAttacks(attestation: TestAttestation): void {
  const { platform } = attestation;
  let system: System;

  test.before(async () => {
    system = await System.start({
      attestation,
      principals: {
        alice: "nop.wasm:w,output:r",
        bob: "input-0:w",
        mallory: "",
        trudy: "",
        eve: "",
      },
      programs: { "nop.wasm": { module: exampleModule("nop"), rights: "output:w" } },
    });
  });
  test.after(() => system.stop());

  const engine = loadTlsEngine();
  /** TLS of the project's own, as a principal, without any request. */
  async function open(name: string): Promise<TlsDuplex> {
    const { pem, keyPem } = principal(name);
    const { key, certificate } = loadIdentity(Buffer.from(pem), keyPem);
    const config = engine.configure({
      identity: {
        privateKey: Buffer.from(key.export({ format: "jwk" }).d ?? "", "base64url"),
        chain: [certificate.raw],
      },
      server: { authority: certificateFromPem(attestation.caPem), name: ISOLATE_NAME },
    });
    const transport = await connectTunnel(system.address, 60_000);
    const stream = new TlsDuplex({ config, role: "client", transport, approve: () => true });
    stream.on("error", () => undefined).resume();
    await new Promise<void>((resolve, reject) => {
      stream.once("secure", resolve);
      stream.once("close", () => reject(new Error("closed during the handshake")));
    });
    return stream;
  }

  testOn(platform, "H3: KeyUpdates without end end their session, and nothing else", async () => {
    const alice = await system.connect("alice");
    const mallory = await open("mallory");
    for (let turn = 0; turn < MANY; turn++) mallory.updateKeys();
    await until("the session is over", () => mallory.destroyed || mallory.session.ended);
    await until("the server knows why", () =>
      system.logged("session closed").some(({ reason }) => MANY_IDLE.test(String(reason))),
    );
    assert.ok((await alice.policyHash()).equals(system.policy.hash));
    assert.is((await system.health()).isolate.restarts, 0);
    await alice.close();
  });

  testOn(platform, "H3: with data in between they cost time, and no restart", async () => {
    const alice = await system.connect("alice");
    const mallory = await open("mallory");
    const before = (await system.health()).isolate.boot;
    for (let turn = 0; turn < MANY && !mallory.destroyed; turn++) {
      mallory.updateKeys();
      // A frame of a principal that never becomes whole.
      if (turn % 32 === 31) mallory.write(Buffer.from([0]));
    }
    assert.ok((await alice.policyHash()).equals(system.policy.hash));
    const { restarts, boot } = (await system.health()).isolate;
    assert.equal([restarts, boot], [0, before]);
    mallory.destroy();
    await alice.close();
  });

  testOn(platform, "H3: whatever a principal without rights sends, others are served", async () => {
    const alice = await system.connect("alice");
    const before = (await system.health()).isolate.boot;
    const messages = platform.kind === "linux" ? 300 : 60;
    for (const kind of Object.keys(floods)) {
      const attack = flood(() => open("trudy"), kind, messages, performance.now() + 20_000);
      // npm run bench:principal measures how much slower; here it counts that there is an answer.
      for (let turn = 0; turn < 5; turn++) {
        assert.ok((await alice.policyHash()).equals(system.policy.hash), kind);
      }
      assert.ok((await attack).sent > 0, kind);
    }
    const { restarts, boot } = (await system.health()).isolate;
    assert.equal([restarts, boot], [0, before]);
    await alice.close();
  });

  testOn(
    platform,
    "M7: sessions and tokens of one principal are bounded, others have theirs",
    async () => {
      const { boot } = (await system.health()).isolate;
      const alice = await system.connect("alice");
      // The isolate's sessions by the number of principals, which is five; of more than that its own oldest give way.
      const share = Math.floor((platform.kind === "linux" ? 64 : 6) / 5);
      const greedy: TlsDuplex[] = [];
      for (let turn = 0; turn < share + 3; turn++) greedy.push(await open("eve"));
      const isOpen = (each: TlsDuplex) =>
        !each.destroyed && !each.readableEnded && !each.session.ended;
      await until("it has its share", () => greedy.filter(isOpen).length <= share);
      assert.equal(greedy.filter(isOpen), greedy.slice(-share), "its newest, and no fewer");
      assert.ok((await alice.policyHash()).equals(system.policy.hash));
      const bob = await system.connect("bob");
      // Time passes: it may earn another token meanwhile.
      let refused: Error | undefined;
      for (let turn = 0; turn < 20 && refused === undefined; turn++) {
        refused = await alice.reattest().then(
          () => undefined,
          (error: Error) => error,
        );
      }
      assert.match(refused?.message ?? "", /too many tokens asked for/);
      await bob.reattest();
      assert.is((await system.health()).isolate.boot, boot);
      for (const each of greedy) each.destroy();
      await alice.close();
      await bob.close();
    },
  );

  testOn(platform, "M7: a session in POST requests that is left alone does not stay", async () => {
    const start = { isolate: attestation.isolate(), host: "127.0.0.1", port: 0 };
    const logger = pino({ level: "silent" });
    assert.is(withDefaults({ ...start, policy: system.policy, logger }).postIdleMs, 120_000);
    const bob = await System.start({
      attestation,
      principals: { bob: "nop.wasm:w,output:r" },
      programs: { "nop.wasm": { module: exampleModule("nop"), rights: "output:w" } },
      server: { postIdleMs: 5_000 },
    });
    await bob.connect("bob", { transport: "post" });
    await until("it is gone", async () => (await bob.health()).sessions.open === 0);
    assert.is(bob.logged("session closed")[0]?.reason, "no request for a long time");
    await bob.stop();
  });

  testOn(
    platform,
    "a principal without rights is refused whatever it asks, in one way",
    async () => {
      const error = await system.connect("mallory").then(
        () => undefined,
        (each: Error) => each,
      );
      // The client asks for the state first, which is none of its business.
      assert.match(error?.message ?? "", /not allow|FAILED_INVALID_ROLE|role/i);
      assert.is(Status.FAILED_INVALID_ROLE, 1);
    },
  );
}
