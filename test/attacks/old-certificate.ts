// The attack M4, on an emulated microcontroller that takes part without a clock: an isolate's certificate is used
// after its end. Named as in SECURITY.md.

import { decode, type Tag } from "cbor-x";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseAddress } from "../../host/common/addresses.js";
import { type Host, hosts } from "../../host/mcu/toolchain.js";
import { buildClient } from "../../host/mcu-client/device.js";
import type { CertificateAuthority } from "../../host/proxy-attestation-server/ca.js";
import { StatementSigner } from "../../host/proxy-attestation-server/signer.js";
import { OID_VERIFICATION_SERVICE } from "../../host/x509/certificate.js";
import { startDevice, threeDevices } from "../mcu-demo/scenario.js";
import { type Bend, BentAttestation, refusal } from "../support/bent-attestation.js";
import { skip } from "../support/shared.js";
import { System, TestAttestation, until } from "../support/system.js";
import { whyNoAttack } from "./turns.js";

const SAMPLE = "shamir-secret-sharing";
const BOARD = "mps2-an385";
/** More than an isolate's certificate lasts, in seconds. */
const LATER = 25 * 3600;

/** What the attestation server would have signed that much later, on the same session. */
function madeLater(ca: CertificateAuthority, statement: Uint8Array): Uint8Array {
  const { value } = decode(Buffer.from(statement)) as Tag;
  const payload = Buffer.from(value[2]);
  // The last two entries: the time, in four bytes, and the highest number, in none.
  const at = payload.length - 8;
  assert.equal([...payload.subarray(at, at + 2)], [10, 0x1a]);
  const time = payload.readUInt32BE(at + 2) + LATER;
  payload.writeUInt32BE(time, at + 2);
  return new StatementSigner(ca, OID_VERIFICATION_SERVICE).sign(payload, time * 1000);
}

/** Mounts the attack on the MCU client, compiled or interpreted. */
export async function attackClient(clientHost: Host): Promise<void> {
  const reason = whyNoAttack(clientHost, hosts);
  if (reason !== undefined) skip(1, reason);
  else
    test(`${BOARD} HOST=${clientHost}: M4: a client without a clock takes no certificate that has ended, and sends nothing`, async () => {
      await buildClient(BOARD, clientHost, SAMPLE);
      const attestation = await TestAttestation.start();
      // Whoever owns the machine is between the isolate and the attestation server as well.
      const way = await BentAttestation.start(attestation.address);
      const system = await System.start({
        ...threeDevices(SAMPLE),
        attestation,
        server: { proxyAttestationServer: parseAddress(way.address) },
      });
      // The computation is committed, and there was a statement on another session.
      const owner = await system.connect("owner");
      await owner.commit();
      await owner.reattest();
      const earlier = way.statement;
      const before = await owner.missing();
      assert.ok(before.includes("input-0"));

      let asked = 0;
      const counted =
        (bend: Bend): Bend =>
        (statement) => {
          asked++;
          return bend(statement);
        };
      const lies: readonly [string, Bend][] = [
        ["a statement on another session", () => ({ type: "verified", statement: earlier })],
        ["a refusal", refusal],
        // The attestation server knows a newer certificate for the key; the isolate's server has kept it back.
        [
          "a statement after the certificate's end",
          (it) => ({ type: "verified", statement: madeLater(attestation.ca, it) }),
        ],
      ];
      way.bend = refusal;
      const data = { "input-0": Uint8Array.of(1, 2, 3, 4) };
      const device = startDevice(system, {
        ...{ board: BOARD, host: clientHost, sample: SAMPLE, data },
        clockless: true,
      });
      const refusals = () =>
        device.lines.filter((line) => /^vc: error -30 FRESHNESS/.test(line)).length;
      try {
        for (const [what, bend] of lies) {
          const [shown, refused] = [asked, refusals()];
          way.bend = counted(bend);
          await until(`${what} is shown`, () => asked > shown);
          await until(`${what} is refused`, () => refusals() > refused);
          assert.not.match(device.lines.join("\n"), /^device: sent/m, what);
          assert.equal(await owner.missing(), before, what);
        }
        // The same client, in the same start, once the certificate is good and the isolate vouched for.
        way.bend = undefined;
        assert.is(await device.ended, 0, device.lines.join("\n"));
        assert.match(device.lines.join("\n"), /^vc: no clock: dates are not checked/m);
        assert.match(device.lines.join("\n"), /^device: sent input-0, 4 bytes$/m);
        assert.not.ok((await owner.missing()).includes("input-0"));
      } catch (error) {
        console.log(device.lines.join("\n"));
        throw error;
      } finally {
        await device.close();
        await owner.close();
        await system.stop();
        way.stop();
        await attestation.stop();
      }
    });
  test.run();
}
