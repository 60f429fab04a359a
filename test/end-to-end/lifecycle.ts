// The life of an isolate under the server, on any platform: lost too often, ended by consent, found at
// work by another server, stopped while it starts.
import * as assert from "uvu/assert";
import { tcpIsolate } from "../../host/veracruz-server/isolate-launchers.js";
import { testOn } from "../support/platforms.js";
import {
  exampleModule,
  failure,
  isolatePid,
  System,
  type SystemOptions,
  type TestAttestation,
  until,
} from "../support/system.js";

/** How a server starts, finds, loses and ends an isolate. */
export function lifecycle(attestation: TestAttestation): void {
  const { platform } = attestation;
  const nop = exampleModule("nop");
  const simple: SystemOptions = {
    attestation,
    principals: { alice: "nop.wasm:w,output:r" },
    programs: { "nop.wasm": { module: nop, rights: "output:w" } },
  };

  testOn(
    platform,
    "an isolate that is lost too often is given up, with the last reason",
    async () => {
      const system = await System.start({ ...simple, server: { isolateRestarts: 1 } });
      system.killIsolate();
      await until("the second start", async () => {
        const report = await system.health();
        return report.status === "ready" && report.isolate.restarts === 1;
      });
      system.killIsolate();
      const { status, reason } = await system.server.finished;
      assert.is(status, "failed");
      assert.match(reason, platform.killed);
      const answer = await fetch(system.url("/healthz"));
      assert.is(answer.status, 503);
      const { message } = await failure(system.connect("alice"));
      assert.match(message, /refuses a session: /);
      assert.match(message, platform.killed);
      await system.stop();
    },
  );

  testOn(
    platform,
    "consent to the end: the last words arrive, the isolate is wiped, the server finishes",
    async () => {
      const system = await System.start(simple);
      const alice = await system.connect("alice");
      await alice.sendProgram("nop.wasm", nop);
      await alice.read();
      const pid = isolatePid(system.log);
      await alice.requestShutdown();
      const { status, reason } = await system.server.finished;
      assert.is(status, "ended");
      assert.match(reason, /^the computation is over: by consent/);
      assert.throws(() => process.kill(pid, 0), /ESRCH/);
      await system.stop();
    },
  );

  testOn(
    platform,
    "an isolate at a TCP address: found at work by the next server, reset only when asked to",
    async () => {
      const { address, stop } = await attestation.provisioned.startAlone();
      const isolate = tcpIsolate(address);
      // All of them serve one computation, until another policy comes.
      const computation_id = "11".repeat(16);
      const same: SystemOptions = { ...simple, policy: { computation_id }, server: { isolate } };
      const first = await System.start(same);
      const alice = await first.connect("alice");
      await alice.sendProgram("nop.wasm", nop);
      const { fingerprint } = alice.isolate;
      // The server goes while its sessions are open: the isolate hears of that from the next one.
      await first.stop();

      // Another server, the same policy: what was sent is still there.
      const second = await System.start(same);
      const again = await second.connect("alice");
      assert.is(again.isolate.fingerprint, fingerprint);
      assert.is((await again.state()).state, 3);
      const foundBy = (server: System) => server.logged("isolate found at work under this policy");
      assert.equal(
        foundBy(second).map(({ sessions }) => sessions),
        [1],
      );
      await second.stop();
      // The sessions of servers that are gone do not pile up.
      const successor = await System.start(same);
      assert.is(foundBy(successor)[0]?.sessions, 1);
      await successor.stop();

      // Another policy: refused, unless the operator says otherwise.
      const other: SystemOptions = { ...same, policy: { computation_id, max_rounds: 2 } };
      assert.match((await failure(System.start(other))).message, /holds another policy; --reset/);
      const third = await System.start({ ...other, server: { isolate, reset: true } });
      const anew = await third.connect("alice");
      assert.is.not(anew.isolate.fingerprint, fingerprint);
      assert.is((await anew.state()).state, 1);
      // The end, by consent: the isolate stays ended for this policy.
      await anew.sendProgram("nop.wasm", nop);
      await anew.read();
      await anew.requestShutdown();
      assert.is((await third.server.finished).status, "ended");
      await third.stop();
      assert.match(
        (await failure(System.start(other))).message,
        /(computation is over|holds another policy); --reset/,
      );
      await stop();
    },
  );

  testOn(
    platform,
    "a server that is stopped while its isolate starts ends, and the isolate with it",
    async () => {
      const system = await System.start(simple, false);
      const ready = failure(system.server.ready());
      await until("the isolate's process", () => isolatePid(system.log) > 0);
      const pid = isolatePid(system.log);
      await system.stop();
      assert.match((await ready).message, /the server stops/);
      assert.is((await system.server.finished).status, "stopped");
      assert.throws(() => process.kill(pid, 0), /ESRCH/);
    },
  );
}
