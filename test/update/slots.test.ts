// The devices' slots through power that goes at each single write: power-cuts.c has what must hold.
import { spawnSync } from "node:child_process";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { classIdentifier, vendorIdentifier } from "../../host/update/identifiers.js";
import {
  describeImages,
  readManifest,
  signConfirmation,
  signManifest,
} from "../../host/update/manifest.js";
import { ownerPage } from "../../host/update/owner.js";
import { canSanitize } from "../support/sanitizers.js";
import { skip } from "../support/shared.js";
import { hostBuild, SLOT_SOURCES } from "./host-build.js";

const folder = mkdtempSync(join(tmpdir(), "vc-slots-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));

if (!canSanitize())
  skip(1, "no C compiler with AddressSanitizer (Debian: gcc and libasan8, in gcc's package)");
else
  test("the old images or the new ones start, wherever the power goes", () => {
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const vendor = vendorIdentifier("example.com");
    const owner = { vendor, class: classIdentifier(vendor, "board of tests") };
    const write = (name: string, bytes: Uint8Array) => {
      const path = join(folder, name);
      writeFileSync(path, bytes);
      return path;
    };
    const page = write("owner", ownerPage({ ...owner, key: publicKey }));
    const instance = Buffer.alloc(33);
    instance.set([1, 2, 3]);
    const versions = [5n, 6n, 7n].flatMap((sequence, index) => {
      // One that is no whole number of words, one of a whole sector, one of more.
      const images = [randomBytes([601, 1024, 1500][index] as number), randomBytes(64 + index)];
      const content = { ...owner, sequence, components: describeImages(images) };
      const manifest = signManifest(content, privateKey);
      const confirmation = signConfirmation(readManifest(manifest).digest, instance, privateKey);
      return [manifest, ...images, confirmation].map((bytes, part) =>
        write(`${sequence}-${part}`, bytes),
      );
    });
    const program = hostBuild("power-cuts.c", SLOT_SOURCES, ["-Wl,--wrap=p256_verify"]);
    const run = spawnSync(program, [page, ...versions], { encoding: "utf8" });
    assert.is(run.stderr, "");
    assert.is(run.status, 0, String(run.signal));
    const [, cuts = ""] = /^held through (\d+) cuts\n$/.exec(run.stdout) ?? [];
    assert.ok(Number(cuts) > 10_000, run.stdout);
  });

test.run();
