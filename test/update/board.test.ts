// Updates of an isolate on an emulated board: delivered while it runs, tried at the next start, attested, confirmed;
// rolled back; refused; and through cuts of power at single writes of its flash.
import { execFileSync, spawn } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { projectRoot } from "../../host/common/paths.js";
import {
  buildIsolate,
  type EmulatedIsolate,
  isolateImages,
} from "../../host/mcu/emulated-isolate.js";
import { slotLayout, updateFiles } from "../../host/mcu/slot-flash.js";
import { defaultRuntimeHost, missingTools } from "../../host/mcu/toolchain.js";
import { confirmUpdate } from "../../host/update/confirm.js";
import { classIdentifier, vendorIdentifier } from "../../host/update/identifiers.js";
import { type BoardLink, Step } from "../../host/update/link.js";
import { readManifest, signManifest } from "../../host/update/manifest.js";
import { boardInFull } from "../support/platforms.js";
import { skip } from "../support/shared.js";
import { Debugger } from "./debugger.js";
import {
  enrolmentFile,
  identityAfterRestart,
  OwnedBoards,
  parts,
  refused,
  type Version,
} from "./owned-board.js";

const board = boardInFull();
const runtimeHost = defaultRuntimeHost;
const folder = mkdtempSync(join(tmpdir(), "vc-updates-"));
const path = (name: string) => join(folder, name);
const boards = new OwnedBoards({ board, runtimeHost, over: "tcp" }, folder);
const { privateKey, owner } = boards;
const { vendor, key: publicKey } = owner;
const withBoard: OwnedBoards["withBoard"] = (...of) => boards.withBoard(...of);
const withLink: OwnedBoards["withLink"] = (...of) => boards.withLink(...of);

let old: Version;
let next: Version;
let later: Version;

/** A new board that starts the old version. @returns path of its state */
const provision = (name: string) => boards.provision(name, old);

const reason = missingTools();
if (reason) skip(6, reason);
else {
  test.before(async () => {
    await buildIsolate(board, runtimeHost);
    old = boards.version(5n, "a");
    next = boards.version(6n, "b");
    later = boards.version(7n, "c");
  });

  test("an update is delivered while the isolate runs, tried, attested and confirmed", async () => {
    const state = provision("whole");
    const before = await withBoard(state, async (isolate) => {
      assert.is(isolate.identity.measurement, old.measurement);
      const enrolled = enrolmentFile(isolate);
      await withLink(isolate, async (link) => {
        // Half of it, and the runtime works meanwhile; then from the beginning.
        await link.step(Step.BEGIN, 0, next.manifest);
        await parts(link, next, 100);
        assert.ok((await link.prove(new Uint8Array(32))).length > 0);
        const held = await link.deliver(next.manifest, next.images);
        assert.is(held.candidate, "ready");
        assert.is(held.deliveries, 2);
        assert.is(held.confirmedSequence, 5n);
        assert.is(held.trial, false);
      });
      await withLink(isolate, (link) => link.start());
      await identityAfterRestart(isolate, next.measurement);
      return enrolled;
    });
    // The power goes before anybody confirms: the second attempt.
    const now = await withBoard(state, async (isolate) => {
      assert.is(isolate.identity.measurement, next.measurement);
      const device = enrolmentFile(isolate);
      await withLink(isolate, async (link) => {
        const said = await link.state();
        assert.is(said.trial && said.attempts, 2);
        const manifest = readManifest(next.manifest);
        // The identity outlives the images: the enrolment with the old ones still holds; another device's does not.
        assert.equal(device, before);
        const publicKey = generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey;
        const stranger = publicKey.export({ type: "spki", format: "pem" }) as string;
        const failure = await confirmUpdate(
          link,
          manifest,
          { ...device, publicKey: stranger },
          privateKey,
        ).then(
          () => "",
          (error: Error) => error.message,
        );
        assert.match(failure, /does not attest itself/, "by another device's key");
        const other = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
        await refused(confirmUpdate(link, manifest, device, other), "unproven");
        const confirmed = await confirmUpdate(link, manifest, device, privateKey);
        assert.is(confirmed.confirmedSequence, 6n);
        assert.is(confirmed.trial, false);
      });
      return device;
    });
    await withBoard(state, async (isolate) => {
      assert.is(isolate.identity.measurement, next.measurement);
      assert.is(isolate.identity.instanceId, now.instanceId);
      await withLink(isolate, async (link) => {
        assert.is((await link.state()).candidate, "none");
        await refused(link.deliver(old.manifest, old.images), "old");
        await refused(link.deliver(next.manifest, next.images), "old");
        await refused(link.step(Step.START), "order");
      });
    });
  });

  test("what is not the owner's, for this class, newer and whole is refused", async () => {
    await withBoard(provision("refusals"), async (isolate) => {
      await withLink(isolate, async (link) => {
        const content = readManifest(next.manifest);
        const other = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
        const begin = (manifest: Uint8Array) => link.step(Step.BEGIN, 0, manifest);
        await refused(begin(signManifest(content, other)), "forged");
        const elsewhere = { ...content, vendor: vendorIdentifier("example.org") };
        await refused(begin(signManifest(elsewhere, privateKey)), "vendor");
        const unlike = { ...content, class: classIdentifier(vendor, "another") };
        await refused(begin(signManifest(unlike, privateKey)), "class");
        await refused(begin(signManifest({ ...content, sequence: 5n }, privateKey)), "old");
        const large = content.components.map((each) => ({ ...each, size: 0x10000000 }));
        const huge = signManifest({ ...content, components: large }, privateKey);
        await refused(begin(huge), "size");
        await refused(link.step(Step.PART, 0, new Uint8Array(4)), "order");
        await refused(link.step(Step.CONFIRM, 0, new Uint8Array(100)), "order");
        await refused(link.step(Step.BEGIN, 0, new Uint8Array(1025)), "malformed").catch(() => {
          // Longer than the board's home reads: the runtime has refused it.
        });
        await refused(link.deliver(next.manifest, later.images), "digest");
        const shorter = next.images.map((image) => image.subarray(0, 1024));
        await refused(link.deliver(next.manifest, shorter), "order");
        assert.is((await link.state()).candidate, "arriving");
      });
    });
  });

  test("a candidate that nobody confirms is started three times, and then the old one for good", async () => {
    const state = provision("rollback");
    await withBoard(state, async (isolate) => {
      await withLink(isolate, (link) => link.deliver(next.manifest, next.images));
    });
    for (const wanted of [next, next, next, old, old])
      await withBoard(state, async (isolate) => {
        assert.is(isolate.identity.measurement, wanted.measurement);
      });
    await withBoard(state, async (isolate) => {
      await withLink(isolate, async (link) => {
        assert.is((await link.state()).candidate, "rejected");
        await refused(link.deliver(next.manifest, next.images), "spent");
      });
    });
  });

  test("images that nobody has signed do not start, in whichever slot", async () => {
    const state = provision("forged");
    const { flash } = updateFiles(state);
    const bytes = readFileSync(flash);
    const { sector } = slotLayout(board);
    bytes.writeUInt8(bytes.readUInt8(4 * sector + 77) ^ 1, 4 * sector + 77);
    writeFileSync(flash, bytes);
    try {
      await withBoard(state, async () => assert.unreachable("it starts"));
    } catch (error) {
      assert.match((error as Error).message, /no slot has images that the owner signed/);
    }
  });

  test("power is cut at single writes: the old images or the new ones start", async () => {
    const symbol = (elf: string, name: string) => {
      const table = execFileSync("arm-none-eabi-nm", [elf], { encoding: "utf8" });
      const [, address = ""] = new RegExp(`^([0-9a-f]{8}) \\w ${name}$`, "m").exec(table) ?? [];
      assert.ok(address, `${name} in ${elf}`);
      return Number.parseInt(address, 16) & ~1;
    };
    const images = isolateImages(board, runtimeHost);
    const writers = (elf: string) =>
      ["slot_flash_program", "slot_flash_erase"].map((name) => symbol(elf, name));
    let cuts = 0;

    const addresses = { first: writers(images.boot), running: writers(images.elf) };

    /** Waits for write `n` of the flash, cuts the power before it. False: the step is done before. */
    const cutAt = async (
      gdb: Debugger,
      watched: readonly number[],
      n: number,
      done: Promise<unknown>,
    ): Promise<boolean> => {
      const over = done.then(
        () => true,
        () => true,
      );
      let [at, before] = [-1, ""];
      for (;;) {
        if (await Promise.race([over, gdb.stopped().then(() => false)])) return false;
        // One step may end in an interrupt, which comes back to the same call of the same write.
        const { r0: offset, pc } = await gdb.where();
        const here = `${pc} ${offset}`;
        if (watched.includes(pc) && here !== before) at++;
        before = here;
        if (at === n) return true;
        await gdb.onward(watched);
      }
    };

    /** Cuts the power of a board that runs, before write `n` of a step. */
    const cutStep = async (
      state: string,
      n: number,
      before: (link: BoardLink) => Promise<unknown>,
      step: (link: BoardLink, isolate: EmulatedIsolate) => Promise<unknown>,
    ) => {
      const socket = path(`gdb-${++cuts}`);
      const attached = Debugger.attach(socket).then((gdb) => {
        gdb.run();
        return gdb;
      });
      const use = async (isolate: EmulatedIsolate) => {
        const gdb = await attached;
        await withLink(isolate, async (link) => {
          await before(link);
          await gdb.interrupt();
          await gdb.watch(addresses.running);
          gdb.run();
          const cut = await cutAt(gdb, addresses.running, n, step(link, isolate));
          assert.ok(cut, `there is a write ${n}`);
          await isolate.close();
        });
        gdb.close();
      };
      await withBoard(state, use, socket);
    };

    /** The same while it starts. */
    const cutStart = async (state: string, n: number) => {
      const socket = path(`gdb-${++cuts}`);
      const attached = Debugger.attach(socket);
      const started = withBoard(state, async () => undefined, socket);
      const gdb = await attached;
      await gdb.watch(addresses.first);
      gdb.run();
      assert.ok(await cutAt(gdb, addresses.first, n, started), `there is a write ${n}`);
      gdb.kill();
      await started.catch(() => undefined);
    };
    const runs = (state: string) => withBoard(state, async ({ identity }) => identity.measurement);
    const nothing = async () => undefined;

    // A board that holds all of the update.
    await withBoard(provision("ready"), (isolate) =>
      withLink(isolate, (link) => link.deliver(next.manifest, next.images)),
    );
    const again = (name: string) => {
      const state = provision(`cut-${name}`);
      copyFileSync(updateFiles(path("ready")).flash, updateFiles(state).flash);
      return state;
    };
    for (const n of [0, 6, 10]) {
      const state = provision(`cut-begin-${n}`);
      await cutStep(state, n, nothing, (link) => link.step(Step.BEGIN, 0, next.manifest));
      assert.is(await runs(state), old.measurement, `begin, write ${n}`);
    }
    // An erasure, the manifest and its length, the journal.
    const endWrites = 1 + 1 + Math.ceil(next.manifest.length / 4) + 10;
    for (const n of [0, 40, endWrites - 5, endWrites - 1]) {
      const state = provision(`cut-end-${n}`);
      const before = async (link: BoardLink) => {
        await link.step(Step.BEGIN, 0, next.manifest);
        await parts(link, next);
      };
      await cutStep(state, n, before, (link) => link.step(Step.END));
      // The record's last word says nothing.
      const wanted = n === endWrites - 1 ? next : old;
      assert.is(await runs(state), wanted.measurement, `end, write ${n}`);
    }
    for (const n of [0, 7]) {
      const state = again(`start-${n}`);
      await cutStart(state, n);
      assert.is(await runs(state), next.measurement, `start, write ${n}`);
    }
    for (const n of [0, 7]) {
      const state = again(`confirm-${n}`);
      await cutStep(state, n, nothing, (link, isolate) =>
        confirmUpdate(link, readManifest(next.manifest), enrolmentFile(isolate), privateKey),
      );
      assert.is(await runs(state), next.measurement, `confirm, write ${n}`);
    }
    console.log(`NOTE: ${cuts} cuts of an emulated board's power`);
  });

  test("the commands: sign, own, update, state, and their refusals", async () => {
    // Not while this process waits: the board stands still when nobody reads its console.
    const cli = async (...words: string[]) => {
      const command = [join(projectRoot, "build/js/host/mcu/cli.js"), ...words];
      const child = spawn(process.execPath, command, { cwd: folder });
      let [stdout, stderr] = ["", ""];
      child.stdout.on("data", (text) => (stdout += text));
      child.stderr.on("data", (text) => (stderr += text));
      const [status] = await once(child, "close");
      return { status, stdout, stderr };
    };
    const key = path("owner.pem");
    writeFileSync(key, privateKey.export({ type: "pkcs8", format: "pem" }), { mode: 0o600 });
    const pem = path("owner.pub");
    writeFileSync(pem, publicKey.export({ type: "spki", format: "pem" }));
    const files = (one: Version, name: string) =>
      one.images.flatMap((image, index) => {
        writeFileSync(path(`${name}-${index}`), image);
        return ["--image", path(`${name}-${index}`)];
      });
    const sign = (sequence: string, name: string, one: Version) =>
      cli(
        ...["sign-update", "--owner-key", key, "--vendor", "example.com", "--class", board],
        ...["--sequence", sequence, "-o", path(name), ...files(one, name)],
      );
    const signed = await sign("5", "old.suit", old);
    assert.is(signed.status, 0, signed.stderr);
    assert.match(signed.stdout, new RegExp(old.measurement));
    assert.is((await sign("6", "new.suit", next)).status, 0);
    assert.match((await sign("x", "none", old)).stderr, /sequence number is not a whole number/);
    const state = path("by-commands");
    const own = (...more: string[]) =>
      cli(
        ...["own", "--board", board, "--state", state, "--owner-key", pem],
        ...["--manifest", path("old.suit"), ...more],
      );
    const wrong = await own("--vendor", "example.org", ...files(old, "old"));
    assert.match(wrong.stderr, /another vendor or class/);
    const owned = await own("--vendor", "example.com", ...files(old, "old"));
    assert.is(owned.status, 0, owned.stderr);
    const twice = await own("--vendor", "example.com", ...files(old, "old"));
    assert.match(twice.stderr, /has an owner/);
    await withBoard(state, async (isolate) => {
      assert.is(isolate.identity.measurement, old.measurement);
      const to = ["--to", `127.0.0.1:${isolate.address.port}`];
      const update = (...words: string[]) => cli("update", ...to, ...words);
      const other = await update("--manifest", path("new.suit"), ...files(old, "old"));
      assert.is(other.status, 2, other.stderr);
      assert.match(other.stderr, /not the one that the manifest names/);
      const again = await update("--manifest", path("old.suit"), ...files(old, "old"));
      assert.is(again.status, 1);
      assert.match(again.stderr, /sequence number is not greater/);
      const done = await update("--manifest", path("new.suit"), ...files(next, "new"));
      assert.is(done.status, 0, done.stderr);
      await identityAfterRestart(isolate, next.measurement);
      const shown = await cli("update-state", ...to);
      assert.match(shown.stdout, /^runs +6, on trial\nconfirmed +5\ncandidate +6, ready, 1 starts/);
    });
    await withBoard(state, async (isolate) => {
      const to = ["--to", `127.0.0.1:${isolate.address.port}`];
      writeFileSync(path("enrolment.json"), JSON.stringify(isolate.enrolment()));
      const confirmed = await cli(
        ...["confirm", ...to, "--manifest", path("new.suit"), "--owner-key", key],
        ...["--enrolment", path("enrolment.json")],
      );
      assert.is(confirmed.status, 0, confirmed.stderr);
      assert.match(confirmed.stdout, /confirmed: the board stays with sequence number 6/);
    });
  });
  test.after(() => rmSync(folder, { recursive: true, force: true }));
}
test.run();
