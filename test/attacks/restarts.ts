// Attacks by whoever can restart an isolate, together with a principal; and by whoever answers in the proxy
// attestation server's place. Each is named as in SECURITY.md.
import { randomBytes } from "node:crypto";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { ComputationRecords } from "../../host/continuity/records.js";
import { encodeBase64Message } from "../../host/transport-protocol/index.js";
import { tcpIsolate } from "../../host/veracruz-server/isolate-launchers.js";
import { COMPARE } from "../support/guess-programs.js";
import { testOn } from "../support/platforms.js";
import {
  failure,
  System,
  type SystemOptions,
  type TestAttestation,
  until,
} from "../support/system.js";

/** What becomes of a request: passed on, dropped, passed on but its answer lost, or answered with a body. */
type Verdict = "pass" | "drop" | "lose" | { body: string };

/** A proxy attestation server's address at which somebody else answers, or passes the request on. */
async function inBetween(
  attestation: TestAttestation,
  answer: (path: string) => Verdict,
): Promise<{ address: { host: string; port: number }; stop: () => void }> {
  const server = createServer((incoming, outgoing) => {
    const path = incoming.url ?? "";
    const verdict = answer(path);
    if (verdict === "drop") {
      outgoing.destroy();
      return;
    }
    if (typeof verdict === "object") {
      incoming.resume().on("end", () => outgoing.end(verdict.body));
      return;
    }
    const { method, headers } = incoming;
    const onward = request({ ...attestation.address, path, method, headers }, (reply) => {
      if (verdict === "lose") {
        reply.resume().on("end", () => outgoing.destroy());
        return;
      }
      outgoing.writeHead(reply.statusCode ?? 500, reply.headers);
      reply.pipe(outgoing);
    });
    onward.on("error", () => outgoing.destroy());
    incoming.pipe(onward);
  });
  server.unref();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    address: { host: "127.0.0.1", port },
    stop: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

const refusedAs = (code: string): Verdict => ({
  body: encodeBase64Message({ type: "attestationRefused", code, text: "come again" }),
});

/** What restarts, and forged answers about them, must not bring anybody. */
export function restartAttacks(attestation: TestAttestation): void {
  const { platform } = attestation;
  /** One bit of the victim's byte for each computation; the reader colludes with the server. */
  const options = (policy: SystemOptions["policy"]): SystemOptions => ({
    attestation,
    principals: { victim: "input-0:w", reader: "compare.wasm:w,input-1:w,output:r" },
    programs: { "compare.wasm": { module: COMPARE, rights: "input-0:r,input-1:r,output:w" } },
    policy: { max_failed_runs: 1, computation_id: randomBytes(16).toString("hex"), ...policy },
  });
  const secret = Uint8Array.of(0xb4);

  /** The victim comes as its client does: with its record, and its input again. */
  async function provide(system: System, acceptRestart?: number): Promise<void> {
    const victim = await system.connect("victim", acceptRestart ? { acceptRestart } : {});
    try {
      await victim.sendData("input-0", secret);
    } finally {
      await victim.close();
    }
  }

  /** The reader wants one more bit, and has no record that would keep it from anything. */
  async function learn(system: System, guess: number): Promise<number> {
    const folder = join(attestation.folder, "records", randomBytes(8).toString("hex"));
    const reader = await system.connect("reader", { records: new ComputationRecords(folder) });
    try {
      await reader.sendProgram("compare.wasm", COMPARE);
      await reader.sendData("input-1", Uint8Array.of(guess));
      return (await reader.read())[0] as number;
    } finally {
      await reader.close();
    }
  }

  testOn(
    platform,
    "C: an isolate that is started again gives a reader no second answer",
    async () => {
      const system = await System.start({ ...options({}), server: { isolateRestarts: 8 } });
      await provide(system);
      assert.is(await learn(system, 127), 1);
      system.killIsolate();
      const { status, reason } = await system.server.finished;
      assert.is(status, "failed");
      assert.match(reason, /the policy allows no other: it was 1 of 1/);
      await system.stop();
      // The same server would not; another one, with another isolate, has it attested and opens sessions.
      const same = { ...options(system.policy.document), policy: system.policy.document };
      const second = await System.start({ ...same, server: { isolateRestarts: 8 } });
      const [victim, reader] = await Promise.all([
        failure(provide(second)),
        failure(learn(second, 191)),
      ]);
      for (const { message } of [victim, reader]) assert.not.match(message, /it succeeded/);
      assert.match(
        (await second.server.finished).reason,
        /begun by as many isolates as the policy allows/,
      );
      await second.stop();
    },
  );

  testOn(
    platform,
    "C: an isolate that is reset behind its address gives no second answer",
    async () => {
      const { address, stop } = await attestation.provisioned.startAlone();
      const isolate = tcpIsolate(address);
      const same = options({});
      const first = await System.start({ ...same, server: { isolate } });
      await provide(first);
      assert.is(await learn(first, 127), 1);
      await first.stop();
      const second = await System.start({ ...same, server: { isolate, reset: true } });
      assert.match((await failure(provide(second))).message, /./);
      assert.not.match((await failure(learn(second, 191))).message, /it succeeded/);
      assert.match(
        (await second.server.finished).reason,
        /begun by as many isolates as the policy allows/,
      );
      await second.stop();
      await stop();
    },
  );

  testOn(
    platform,
    "C: with restarts in the policy only they count, and only with consent",
    async () => {
      const system = await System.start({
        ...options({ max_restarts: 1 }),
        server: { isolateRestarts: 8 },
      });
      await provide(system);
      assert.is(await learn(system, 127), 1);
      system.killIsolate();
      await until("the second isolate", async () => {
        const { status, isolate } = await system.health();
        return status === "ready" && isolate.restarts === 1;
      });
      // The reader has the computation committed to it: that does not move the victim.
      assert.match(
        (await failure(learn(system, 191))).message,
        /NOT_READY|not ready|missing|input-0/i,
      );
      const refused = (await failure(provide(system))) as Error & { kind?: string };
      assert.is(refused.kind, "restart", refused.message);
      await provide(system, 2);
      system.killIsolate();
      const { reason } = await system.server.finished;
      assert.match(reason, /it was 2 of 2/);
      await system.stop();
    },
  );

  testOn(
    platform,
    "M6: refusals that would pass, or are forged, and answers that are lost, end nothing",
    async () => {
      const asked = new Map<string, number>();
      const liar = await inBetween(attestation, (path) => {
        const count = (asked.get(path) ?? 0) + 1;
        asked.set(path, count);
        if (count === 1) return refusedAs("overloaded");
        if (count === 2) return refusedAs("device-revoked");
        if (count === 3) return path === "/Commit" ? refusedAs("exhausted") : "drop";
        // The computation is committed now, and the isolate does not hear of it.
        if (count === 4 && path === "/Commit") return "lose";
        return "pass";
      });
      const system = await System.start({
        ...options({}),
        server: { proxyAttestationServer: liar.address },
      });
      await provide(system);
      assert.is(await learn(system, 127), 1);
      assert.is((await system.health()).isolate.restarts, 0);
      assert.ok((asked.get("/Start") ?? 0) > 3 && (asked.get("/Commit") ?? 0) > 4);
      await system.stop();
      liar.stop();
    },
  );
}
