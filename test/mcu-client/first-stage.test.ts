// What the first stage leaves in RAM for the image that it starts: the record, and nothing of the device
// secret, from which any image's key could be derived, nor of the identity key, which could certify any.
import { spawn } from "node:child_process";
import { createECDH, createHash, createHmac, randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { projectRoot } from "../../host/common/paths.js";
import { boardState } from "../../host/mcu/board-state.js";
import { buildIsolate, isolateImages } from "../../host/mcu/emulated-isolate.js";
import { emulatorArguments } from "../../host/mcu/emulator.js";
import { trustedWithKey } from "../../host/mcu/size-report.js";
import { make, missingTools } from "../../host/mcu/toolchain.js";
import { readCertified } from "../../host/psa-attestation/claims.js";
import { parseSign1, verifySign1 } from "../../host/psa-attestation/cose.js";
import { importP256, spkiOf } from "../../host/psa-attestation/p256.js";
import { skip } from "../support/shared.js";
import { Monitor, traces } from "./device-memory.js";

const RECORD_BYTES = 1024;
/** What the first stage may take of the flash, with DICE and manifests. */
const MOST_BYTES = 24 * 1024;
/** What may be trusted with the attestation key: first stage, core, token module compiled to C. */
const MOST_TRUSTED_BYTES = 60_000;
/** Where its fields stand (mcu-client/common/boot-record.h). */
const MEASUREMENT = 8;
const IMPLEMENTATION = 40;
const ALIAS_KEY = 72;
const SEED = 104;
const WORLDS = 136;
const OUTSIDE = 140;
const IDENTITY_POINT = 204;
const CERTIFICATE = 269;
const CERTIFICATE_LENGTH = 816;
/** Bytes of a certificate's claims before those that the alias key is derived from: the confirmation, and the head. */
const CONFIRMATION_BYTES = 84;
const HEADER = 0x400;
const CODE = 0x500;
const SIZE = 0x600;

const folder = mkdtempSync(join(tmpdir(), "vc-first-stage-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));

/** The version in the header of an image that does nothing. */
const VERSION = "1.20.300";

/** An image that does nothing, for ever: its vectors, its header, a branch to itself. */
function idleImage(flash: number, ram: number): Buffer {
  const image = Buffer.alloc(SIZE);
  image.writeUInt32LE(ram + 0x1000, 0);
  image.writeUInt32LE((flash + CODE) | 1, 4);
  image.writeUInt32LE(0x56434931, HEADER);
  image.writeUInt32LE(SIZE, HEADER + 4);
  image.write(`${VERSION}\u0001`, HEADER + 8, "latin1");
  image.writeUInt16LE(0xe7fe, CODE);
  return image;
}

/** A key as the first stage derives it (mcu-client/images/boot/dice.c). */
function derived(secret: Uint8Array, label: string, digest: Uint8Array): Buffer {
  const input = createHmac("sha256", secret).update(label).update(digest);
  return input.update(Buffer.of(0)).digest();
}

/** Its public half: 0x04, x, y. */
function publicPoint(privateKey: Uint8Array): Buffer {
  const ecdh = createECDH("prime256v1");
  ecdh.setPrivateKey(privateKey);
  return ecdh.getPublicKey();
}

interface Board {
  readonly board: "mps2-an385" | "mps2-an505";
  /** Where the image lies that the first stage starts. */
  readonly flash: number;
  /** RAM; the first stage's record is the end of the image's. */
  readonly ram: number;
  readonly ramBytes: number;
  readonly imageRamBytes: number;
  /** Where the non-secure image lies, if there is one. */
  readonly outside?: number;
}

const MIB = 1024 * 1024;
const boards: readonly Board[] = [
  {
    board: "mps2-an385",
    flash: 0x8000,
    ram: 0x20000000,
    ramBytes: 4 * MIB,
    imageRamBytes: 4 * MIB,
  },
  {
    board: "mps2-an505",
    flash: 0x10008000,
    ram: 0x38000000,
    ramBytes: 4 * MIB,
    imageRamBytes: 2 * MIB,
    outside: 0x00200000,
  },
];

/** RAM at the moment when the first stage has started the image: for the first time, and after a reset of the chip. */
async function ramAfterEachStart(
  { board, flash, ram, ramBytes, outside }: Board,
  state: string,
): Promise<Buffer[]> {
  const path = (name: string) => join(folder, `${board}-${name}`);
  writeFileSync(path("main"), idleImage(flash, ram));
  if (outside !== undefined) writeFileSync(path("outside"), idleImage(outside, 0x28200000));
  const emulator = spawn(
    "timeout",
    [
      ...["60", "qemu-system-arm"],
      ...emulatorArguments({
        board,
        image: isolateImages(board, "c").boot,
        main: path("main"),
        ...(outside === undefined ? {} : { outside: path("outside") }),
        state,
      }),
      ...["-qmp", `unix:${path("qmp")},server=on,wait=off`],
    ],
    { stdio: ["ignore", "ignore", "inherit"] },
  );
  try {
    const monitor = await Monitor.connect(path("qmp"), emulator);
    const idle = (flash + CODE).toString(16).padStart(8, "0");
    const ramAfterStart = async () => {
      for (let registers = ""; !registers.includes(`R15=${idle}`); )
        registers = String(
          await monitor.ask("human-monitor-command", { "command-line": "info registers" }),
        );
      await monitor.ask("memsave", { val: ram, size: ramBytes, filename: path("ram") });
      return readFileSync(path("ram"));
    };
    const first = await ramAfterStart();
    await monitor.ask("stop");
    await monitor.ask("system_reset");
    await monitor.ask("cont");
    const second = await ramAfterStart();
    monitor.close();
    return [first, second];
  } finally {
    emulator.kill("SIGTERM");
  }
}

const reason = missingTools();
if (reason) skip(2, reason);
else
  for (const each of boards)
    test(`${each.board}: nothing of the device secret is left, and the key in its record alone`, async () => {
      const { board, imageRamBytes, outside } = each;
      await make({ BOARD: board, HOST: "c", IMAGE: "boot" });
      // All that it does is in it.
      const { boot } = isolateImages(board, "c");
      const map = readFileSync(boot.replace(/elf$/, "map"), "utf8");
      for (const part of ["dice_certify", "manifest_read", "p256_verify", "secret_lock"])
        assert.match(map, new RegExp(`^ +0x[0-9a-f]+ +${part}$`, "m"));
      const { size } = statSync(boot.replace(/elf$/, "bin"));
      assert.ok(size <= MOST_BYTES, `the first stage has ${size} bytes`);
      const secret = randomBytes(32);
      const state = join(folder, `${board}.secret`);
      writeFileSync(state, boardState(secret));
      const memories = await ramAfterEachStart(each, state);
      for (const memory of memories) {
        const record = memory.subarray(imageRamBytes - RECORD_BYTES, imageRamBytes);
        const rest = Buffer.concat([
          memory.subarray(0, imageRamBytes - RECORD_BYTES),
          memory.subarray(imageRamBytes),
        ]);
        // It is the record that this test means: its keys are those of this secret, this first stage and these images.
        const field = (at: number, length = 32) => Buffer.from(record.subarray(at, at + length));
        const identity = derived(secret, "veracruz-identity-key-v1", field(IMPLEMENTATION));
        const point = publicPoint(identity);
        assert.equal(field(IDENTITY_POINT, 65), point);
        const token = field(CERTIFICATE, record.readUInt32LE(CERTIFICATE_LENGTH));
        const certificate = parseSign1(token);
        const payload = Buffer.from(certificate.payload);
        const description = createHash("sha256")
          .update(payload.subarray(CONFIRMATION_BYTES))
          .digest();
        const key = derived(secret, "veracruz-alias-key-v1", description);
        assert.equal(field(ALIAS_KEY), key);
        const signer = importP256(spkiOf(point));
        assert.ok(signer && verifySign1(certificate, signer));
        const aliasPoint = publicPoint(key);
        assert.ok(
          payload.includes(aliasPoint.subarray(1, 33)) && payload.includes(aliasPoint.subarray(33)),
        );
        const certified = readCertified(payload);
        const instanceId = createHash("sha256").update(point).digest();
        assert.equal(Buffer.from(certified.instanceId), Buffer.concat([Buffer.of(1), instanceId]));
        assert.equal(Buffer.from(certified.implementationId), field(IMPLEMENTATION));
        assert.is(certified.securityLifecycle, 0x4000);
        const main = createHash("sha256").update(idleImage(each.flash, each.ram)).digest();
        assert.equal(field(MEASUREMENT), main);
        assert.is(record.readUInt32LE(WORLDS), outside === undefined ? 1 : 2);
        const images: [string, Buffer][] = [["ARoT", main]];
        if (outside !== undefined) {
          const image = createHash("sha256").update(idleImage(outside, 0x28200000)).digest();
          assert.equal(field(OUTSIDE), image);
          images.push(["NSPE", image]);
        }
        assert.equal(
          certified.softwareComponents.map(({ measurementType, measurementValue, version }) => [
            measurementType,
            Buffer.from(measurementValue).toString("hex"),
            version,
          ]),
          images.map(([type, measurement]) => [type, measurement.toString("hex"), VERSION]),
        );
        assert.equal(traces(memory, identity), []);
        assert.equal(traces(rest, secret), []);
        assert.equal(traces(record, secret), []);
        assert.equal(traces(rest, key), []);
      }
      // Another boot: its seed is another one.
      const [first, second] = memories.map((memory) =>
        memory
          .subarray(imageRamBytes - RECORD_BYTES + SEED)
          .subarray(0, 32)
          .toString("hex"),
      );
      assert.is.not(first, second);
    });

/** What is wrong with a board whose `secret_lock` is this, as the linker says it. */
async function linkWith(lock: string): Promise<string> {
  const source = join(folder, "secret.c");
  writeFileSync(
    source,
    `#include "${join(projectRoot, "mcu-client/hal/secret.h")}"
     #include <stddef.h>
     enum secret_state secret_read(uint8_t secret[SECRET_BYTES]) { return SECRET_BROKEN; }
     bool secret_store(const uint8_t secret[SECRET_BYTES]) { return false; }
     uint16_t device_lifecycle(bool hidden) { return LIFECYCLE_NON_PSA_ROT_DEBUG; }
     secret_exit_function secret_exit(void) { return NULL; }
     ${lock}`,
  );
  const object = relative(join(projectRoot, "mcu-client"), source);
  return make({
    BOARD: "mps2-an385",
    IMAGE: "boot",
    OUT: join(folder, "boot"),
    OBJECTS_OUT: join(folder, "objects/1/2/3/4/5/6/7/8/9"),
    BOOT_BOARD_SOURCES: object,
  }).then(
    () => "it links",
    ({ message }: Error) => message,
  );
}

if (reason) skip(3, reason);
else {
  test("a board whose secret_lock does nothing has no first stage", async () => {
    for (const nothing of ["{ return true; }", "{ return false; }"])
      assert.match(
        await linkWith(`bool secret_lock(void) ${nothing}`),
        /secret_lock\(\) does nothing: this board does not hide its secret/,
      );
    const something =
      "for (volatile char *at = (char *)0x20000000; at < (char *)0x20000100;) *at++ = 0;";
    assert.is(await linkWith(`bool secret_lock(void) { ${something} return true; }`), "it links");
  });

  test("neither first stage nor isolate has a call of the emulator's host", async () => {
    for (const { board } of boards) {
      await buildIsolate(board, "c");
      const { boot, elf, outside } = isolateImages(board, "c");
      for (const image of [boot, elf, ...(outside === undefined ? [] : [outside])]) {
        const map = readFileSync(image.replace(/\.(elf|bin)$/, ".map"), "utf8");
        assert.match(map, /console_print/);
        assert.not.match(map, /semihosting/);
      }
    }
    const started = emulatorArguments({ board: "mps2-an505", image: "boot.elf", state: "state" });
    assert.not.match(started.join(" "), /semihosting/);
  });

  test("what is trusted with the attestation key is within its bar", async () => {
    await buildIsolate("mps2-an505", "c");
    const { boot, elf } = isolateImages("mps2-an505", "c");
    const map = readFileSync(elf.replace(/elf$/, "map"), "utf8");
    // What it means is in it, and counted: without its size, the sum is that much less.
    const bytes = trustedWithKey(map, statSync(boot.replace(/elf$/, "bin")).size);
    for (const part of [
      ...["attestation-compiled", "root-of-trust/root-of-trust", "core/core", "update/manifest"],
      ...["update/p256-verify", "common/hash-drbg", "arch/startup", "images/isolate/inside"],
    ]) {
      const section = new RegExp(
        `^( \\.text\\.\\S+\\s+0x[0-9a-f]+\\s+)(0x[0-9a-f]+)( \\S*${part}\\.o$)`,
        "gm",
      );
      assert.ok(
        trustedWithKey(map.replaceAll(section, "$10x0$3"), 0) < trustedWithKey(map, 0),
        part,
      );
    }
    assert.ok(bytes <= MOST_TRUSTED_BYTES, `${bytes} bytes are trusted with the attestation key`);
  });
}
test.run();
