// Updates on every kind of emulated board, over every link: delivered while the isolate runs, started, attested,
// confirmed, and rolled back. A run tests one kind, the next one another; board.test.ts tests one kind in full.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { buildIsolate } from "../../host/mcu/emulated-isolate.js";
import { missingTools } from "../../host/mcu/toolchain.js";
import { confirmUpdate } from "../../host/update/confirm.js";
import { readManifest } from "../../host/update/manifest.js";
import { rotation } from "../mcu-client/rotation.js";
import { skip } from "../support/shared.js";
import {
  enrolmentFile,
  identityAfterRestart,
  type Kind,
  OwnedBoards,
  refused,
  type Version,
} from "./owned-board.js";

const kinds: readonly Kind[] = [
  { board: "mps2-an505", runtimeHost: "thumb2", over: "serial" },
  { board: "mps2-an386", runtimeHost: "c", over: "serial" },
  { board: "mps2-an505", runtimeHost: "wasm3", over: "tcp" },
  { board: "mps2-an500", runtimeHost: "thumb2", over: "tcp" },
  { board: "mps2-an385", runtimeHost: "thumb2", over: "serial" },
  { board: "mps2-an500", runtimeHost: "c", over: "serial" },
];
const { turn, from } = rotation();
console.log(`NOTE: rotation ${turn}, by ${from}; VC_TEST_ROTATION takes a number, or all`);
const chosen = turn === "all" ? kinds : [kinds[turn % kinds.length] as Kind];
const folder = mkdtempSync(join(tmpdir(), "vc-updates-"));

const reason = missingTools();
if (reason) skip(chosen.length, reason);
else {
  for (const kind of chosen) {
    const { board, runtimeHost, over } = kind;
    test(`${board}, HOST=${runtimeHost}, ${over}: an update is confirmed, and another rolled back`, async () => {
      await buildIsolate(board, runtimeHost);
      const boards = new OwnedBoards(kind, folder);
      const [old, next, later] = (["a", "b", "c"] as const).map((label, index) =>
        boards.version(BigInt(5 + index), label),
      ) as [Version, Version, Version];
      const state = boards.provision(`${board}-${runtimeHost}-${over}`, old);
      await boards.withBoard(state, async (isolate) => {
        assert.is(isolate.identity.measurement, old.measurement);
        const device = enrolmentFile(isolate);
        await boards.withLink(isolate, async (link) => {
          const held = await link.deliver(next.manifest, next.images);
          assert.is(held.candidate, "ready");
          assert.is(held.trial, false);
          await link.start();
        });
        const identity = await identityAfterRestart(isolate, next.measurement);
        assert.is(
          identity.instanceId,
          device.instanceId,
          "the device is the one that was enrolled",
        );
        await boards.withLink(isolate, async (link) => {
          assert.is((await link.state()).trial, true);
          const manifest = readManifest(next.manifest);
          const confirmed = await confirmUpdate(link, manifest, device, boards.privateKey);
          assert.is(confirmed.confirmedSequence, 6n);
          assert.is(confirmed.trial, false);
          await refused(link.deliver(old.manifest, old.images), "old");
          assert.is((await link.deliver(later.manifest, later.images)).candidate, "ready");
        });
      });
      // The power goes before anybody confirms, three times.
      for (const wanted of [later, later, later, next])
        await boards.withBoard(state, async ({ identity }) => {
          assert.is(identity.measurement, wanted.measurement);
        });
      await boards.withBoard(state, async (isolate) => {
        assert.is(isolate.identity.measurement, next.measurement);
        await boards.withLink(isolate, async (link) => {
          const said = await link.state();
          assert.is(said.candidate, "rejected");
          assert.is(said.confirmedSequence, 6n);
          await refused(link.deliver(later.manifest, later.images), "spent");
        });
      });
    });
  }
  test.after(() => rmSync(folder, { recursive: true, force: true }));
}
test.run();
