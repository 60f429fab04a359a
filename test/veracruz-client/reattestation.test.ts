// A new attestation within a session, by both ways to the attestation server, with somebody on the way.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ClientError } from "../../host/veracruz-client/errors.js";
import { CheckFailed } from "../../host/veracruz-client/isolate-checks.js";
import { BentAttestation, bends, refusal } from "../support/bent-attestation.js";
import { exampleModule, failure, System, TestAttestation } from "../support/system.js";

const attestation = await TestAttestation.start();
const way = await BentAttestation.start(attestation.address);
const system = await System.start({
  attestation,
  // An isolate makes eight tokens at once for each, and then one in ten seconds.
  principals: {
    "attestation-server connect": "nop.wasm:w",
    "attestation-server post": "nop.wasm:w",
    "isolate connect": "nop.wasm:w",
    "isolate post": "nop.wasm:w",
    alice: "nop.wasm:w,output:r",
  },
  programs: { "nop.wasm": { module: exampleModule("nop"), rights: "output:w" } },
  policy: { proxy_attestation_server_url: way.address },
});

for (const through of ["attestation-server", "isolate"] as const) {
  for (const transport of ["connect", "post"] as const) {
    test(`${through}, ${transport}: a true statement is taken, and each bent one refused`, async () => {
      way.bend = undefined;
      const alice = await system.connect(`${through} ${transport}`, { transport });
      try {
        assert.is(alice.attestedAnew, undefined);
        assert.is((await alice.reattest(through)).kind, "linux");
        const good = alice.attestedAnew;
        assert.ok(Math.abs(Date.now() - Number(good?.verifiedAt)) < 60_000);
        for (const [what, bend, rule] of bends(way.statement)) {
          way.bend = bend;
          const error = await failure(alice.reattest(through));
          assert.instance(error, CheckFailed, `${what}: ${error.message}`);
          assert.is((error as CheckFailed).check, "fresh", what);
          assert.match(error.message, rule, what);
          assert.is(alice.attestedAnew, good, what);
        }
        way.bend = refusal;
        const refused = (await failure(alice.reattest(through))) as ClientError;
        assert.instance(refused, ClientError);
        assert.match(
          refused.message,
          through === "isolate" ? /there is no new attestation/ : /refused \(device-unknown\)/,
        );
      } finally {
        await alice.close();
      }
    });
  }
}

test("an attestation server that is gone is told of", async () => {
  way.bend = undefined;
  const alice = await system.connect("alice");
  way.stop();
  const error = await failure(alice.reattest("isolate"));
  assert.is((error as ClientError).kind, "not-ready");
  assert.match(error.message, /there is no new attestation/);
});

test.after(async () => {
  await system.stop();
  await attestation.stop();
});
test.run();
