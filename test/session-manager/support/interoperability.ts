/** One run of the engine against another stack, and what must come of it. */
import * as assert from "uvu/assert";
import { Group, Suite } from "../../../host/session-manager/engine.js";
import type { Case } from "./cases.js";
import { alertOf, connectTo, listen, payload } from "./exchange.js";
import type { ForeignClient, ForeignServer } from "./foreign.js";
import { within } from "./processes.js";

const SECONDS = 60;

const negotiated = (one: Case) => ({
  suite: one.suite === "AES_128_GCM" ? Suite.Aes128Gcm : Suite.ChaCha20Poly1305,
  group: one.group === "X25519" ? Group.x25519 : Group.secp256r1,
  retried: one.retry,
});

/** The alert that the engine's server must answer a client's certificate with. */
const refusals: Partial<Record<Case["certificate"], number>> = {
  missing: 116, // certificate_required
  unknown: 49, // access_denied, by the caller's word
  expired: 45, // certificate_expired
};

export async function serveForeignClient(peer: ForeignClient, one: Case): Promise<void> {
  const answer = Math.min(one.size, peer.largestAnswer);
  const { port, outcome, close } = await listen(one, {}, { peerCloses: peer.closesFirst, answer });
  try {
    const [ours, theirs] = await within(
      SECONDS,
      peer.name,
      Promise.all([outcome, peer.run(port, one)]),
    );
    const said = `${peer.name} said: ${theirs.log}; engine: ${ours.error?.message}`;
    if (one.certificate === "good") {
      assert.is(ours.error, undefined, said);
      assert.ok(ours.received.equals(payload(one.size)), `the engine received all; ${said}`);
      assert.ok(theirs.received.equals(payload(answer)), `the client received all; ${said}`);
    } else {
      assert.is(alertOf(ours.error), refusals[one.certificate], said);
      assert.not(ours.secure);
      assert.is(ours.received.length, 0);
      assert.is(theirs.received.length, 0, said);
    }
  } finally {
    close();
  }
}

/** Alerts that a server may answer a client's bad certificate with: stacks differ. */
const alertsSeen: Partial<Record<Case["certificate"], number[]>> = {
  missing: [116],
  unknown: [42, 46, 48, 49],
  expired: [42, 45, 46, 49],
  "wrong key": [51],
};

export async function useForeignServer(peer: ForeignServer, one: Case): Promise<void> {
  const listening = await peer.listen(one);
  let ours: Awaited<ReturnType<typeof connectTo>>;
  let theirs: Awaited<ReturnType<typeof listening.finish>>;
  try {
    ours = await within(SECONDS, peer.name, connectTo(listening.port, one));
  } finally {
    // A server whose client failed waits for the rest of the data.
    theirs = await within(SECONDS, `${peer.name}'s end`, listening.finish());
  }
  const said = `${peer.name} said: ${theirs.log}; engine: ${ours.error?.message}`;
  if (one.certificate === "good") {
    assert.is(ours.error, undefined, said);
    assert.equal(ours.negotiated, negotiated(one));
    assert.ok(ours.received.equals(payload(one.size)), `the engine received all; ${said}`);
    assert.ok(theirs.received.equals(payload(one.size)), `the server received all; ${said}`);
    return;
  }
  assert.is(ours.received.length, 0);
  assert.ok(ours.error, "the session ends in disorder");
  const alert = alertOf(ours.error);
  // Node's server shuts the connection without an alert where it is the one to judge the chain.
  if (alert !== undefined)
    assert.ok(alertsSeen[one.certificate]?.includes(alert), `alert ${alert}; ${said}`);
  else assert.ok(peer.name.startsWith("Node"), said);
}
