// Attacks by one reader of a result on another one. Each is named as in SECURITY.md.
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { VeracruzClient } from "../../host/veracruz-client/client.js";
import type { ClientError } from "../../host/veracruz-client/errors.js";
import type { Request, Response } from "../../host/veracruz-client/request-channel.js";
import { testOn } from "../support/platforms.js";
import { failure, System, type TestAttestation } from "../support/system.js";
import { assemble } from "../support/wat.js";

/** Bytes of a result: several pieces on every kind of isolate. */
const LENGTH = 20_000;
/** Writes so many times the byte that is this round's item of a stream. */
const REPEAT = assemble(`(module
  (import "env" "__veracruz_hcall_read_stream" (func $read (param i32 i32 i32) (result i32)))
  (import "env" "__veracruz_hcall_write_output" (func $write (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "main") (result i32)
    (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1)))
    (memory.fill (i32.const 0) (i32.load8_u (i32.const 0)) (i32.const ${LENGTH}))
    (drop (call $write (i32.const 0) (i32.const ${LENGTH})))
    (i32.const 0)))`);

/** Has something happen on the way of a client's request for a later piece, once. */
function delayPieces(client: VeracruzClient, happens: () => Promise<void>): void {
  const { channel } = client as unknown as {
    channel: { send(request: Request): Promise<Response> };
  };
  const send = channel.send.bind(channel);
  let happened: Promise<void> | undefined;
  channel.send = async (request) => {
    if (request.type === "requestResult" && request.offset > 0) {
      happened ??= happens();
      await happened;
    }
    return send(request);
  };
}

/** What readers try against one another. */
export function readerAttacks(attestation: TestAttestation): void {
  const { platform } = attestation;
  let system: System;
  test.before(async () => {
    system = await System.start({
      attestation,
      principals: {
        alice: "repeat.wasm:w,stream-0:w",
        bob: "output:r",
        carol: "output:r,stream-0:r",
      },
      programs: { "repeat.wasm": { module: REPEAT, rights: "stream-0:r,output:w" } },
      policy: { max_rounds: 4 },
    });
  });
  test.after(() => system.stop());

  // Before answers named their round, Carol's file was one half of round 1 and one half of round 2.
  testOn(
    platform,
    "M1: a reader who ends the round does not make another one's result a mixture",
    async () => {
      const [alice, bob, carol] = await Promise.all([
        system.connect("alice"),
        system.connect("bob"),
        system.connect("carol"),
      ]);
      await alice.sendProgram("repeat.wasm", REPEAT);
      await alice.sendStream("stream-0", Uint8Array.of(1));
      assert.equal(new Uint8Array(await bob.read()), new Uint8Array(LENGTH).fill(1));
      delayPieces(carol, async () => {
        await bob.nextRound();
        await alice.sendStream("stream-0", Uint8Array.of(2));
        assert.is(await bob.compute(), LENGTH);
      });
      const refused = (await failure(carol.read())) as ClientError;
      assert.is(refused.kind, "round", refused.message);
      assert.match(
        refused.message,
        /^FAILED_OTHER_ROUND: round 1 is not the current one, which is 2/,
      );
      // From the beginning it is that of round 2, whole.
      assert.equal(new Uint8Array(await carol.read()), new Uint8Array(LENGTH).fill(2));

      // Two who have read the same result end one round together, and not two.
      await bob.read();
      await bob.nextRound();
      assert.is(((await failure(carol.nextRound())) as ClientError).kind, "round");
      assert.is((await carol.state()).round, 3);
      // An item of a round that is over is not taken for the next.
      const late = alice.sendStream("stream-0", Uint8Array.of(9), undefined, 2);
      assert.is(((await failure(late)) as ClientError).kind, "round");
      for (const client of [alice, bob, carol]) await client.close();
    },
  );
}
