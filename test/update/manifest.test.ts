// Manifests: the signer of the host against the reader of the devices, which runs here under sanitizers.
import { spawnSync } from "node:child_process";
import {
  createHash,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
} from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { encode } from "../../host/psa-attestation/cbor.js";
import { classIdentifier, vendorIdentifier } from "../../host/update/identifiers.js";
import {
  describeImages,
  type ManifestContent,
  readManifest,
  signConfirmation,
  signManifest,
} from "../../host/update/manifest.js";
import { ownerPage } from "../../host/update/owner.js";
import { Random } from "../support/random.js";
import { canSanitize } from "../support/sanitizers.js";
import { hasShared, sharedPath, skip } from "../support/shared.js";
import { hostBuild, MANIFEST_SOURCES } from "./host-build.js";

const GOOD = 0;
const MALFORMED = 1;
const FORGED = 2;
const VENDOR = 3;
const CLASS = 4;

const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const vendor = vendorIdentifier("example.com");
const owner = { key: publicKey, vendor, class: classIdentifier(vendor, "mps2-an505") };
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest();

const images = [randomBytes(70_000), randomBytes(300)];
const content: ManifestContent = {
  vendor,
  class: owner.class,
  sequence: 7n,
  components: describeImages(images),
};

/** A byte string's head and content. */
const wrap = (bytes: Uint8Array) => encode(bytes);

/** An envelope about any bytes, rightly signed. */
function signAny(manifest: Uint8Array, key: KeyObject = privateKey): Uint8Array {
  const digest = encode([-16, new Uint8Array(sha256(wrap(manifest)))]);
  const header = Uint8Array.of(0xa1, 0x01, 0x26);
  const input = encode(["Signature1", header, new Uint8Array(0), digest]);
  const signature = sign("sha256", input, { key, dsaEncoding: "ieee-p1363" });
  const block = Uint8Array.of(
    0xd2,
    ...encode([header, new Map(), null, new Uint8Array(signature)]),
  );
  const map = new Map<number, unknown>([
    [2, encode([digest, block])],
    [3, manifest],
  ]);
  return Uint8Array.of(0xd8, 0x6b, ...encode(map));
}

/** The manifest within an envelope. */
function inner(bytes: Uint8Array): Uint8Array {
  // Two bytes of tag, the map's head, key 2, then the wrapper with its head of two bytes, key 3, a head.
  const at = 4 + 2 + (bytes[5] as number) + 1;
  const head = bytes[at] === 0x59 ? 3 : 2;
  return bytes.subarray(at + head);
}

let program = "";
interface Record {
  readonly components: number;
  readonly bytes: Uint8Array;
}

function judge(records: readonly Record[], page = ownerPage(owner)): string[] {
  const heads = records.map(({ components, bytes }) => {
    const head = Buffer.alloc(8);
    head.writeUInt32LE(components, 0);
    head.writeUInt32LE(bytes.length, 4);
    return Buffer.concat([head, bytes]);
  });
  const input = Buffer.concat([page.subarray(8, -4), ...heads]);
  const run = spawnSync(program, { input, encoding: "utf8", maxBuffer: 1 << 26 });
  assert.is(run.status, 0, run.stderr);
  return run.stdout.trimEnd().split("\n");
}
const outcome = (bytes: Uint8Array, components = 2) =>
  Number.parseInt(judge([{ components, bytes }])[0] as string, 10);

if (!canSanitize())
  skip(9, "no C compiler with AddressSanitizer (Debian: gcc and libasan8, in gcc's package)");
else {
  test.before(() => {
    program = hostBuild("check-manifests.c", MANIFEST_SOURCES);
  });

  test("a manifest is read by the device as it was signed, with one image and with two", () => {
    for (const sequence of [0n, 23n, 24n, 255n, 65_536n, 1n << 32n, (1n << 64n) - 1n])
      for (const some of [images, images.slice(0, 1)]) {
        const wanted = { ...content, sequence, components: describeImages(some) };
        const bytes = signManifest(wanted, privateKey);
        const { digest, ...read } = readManifest(bytes, publicKey);
        assert.equal(read, wanted);
        const sizes = [some[0]?.length ?? 0, some[1]?.length ?? 0];
        const line = `0 ${sequence} ${sizes.join(" ")} ${Buffer.from(digest).toString("hex")}`;
        assert.equal(judge([{ components: some.length, bytes }]), [line]);
        assert.is(outcome(bytes, 3 - some.length), MALFORMED, "of another number of images");
      }
  });

  test("another key, vendor or class is refused, each for its reason", () => {
    const other = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
    assert.is(outcome(signManifest(content, privateKey)), GOOD);
    assert.is(outcome(signManifest(content, other)), FORGED);
    const otherVendor = { ...content, vendor: vendorIdentifier("example.org") };
    assert.is(outcome(signManifest(otherVendor, privateKey)), VENDOR);
    const otherClass = { ...content, class: classIdentifier(vendor, "mps2-an385") };
    assert.is(outcome(signManifest(otherClass, privateKey)), CLASS);
    assert.throws(() => readManifest(signManifest(content, other), publicKey), /not signed by/);
  });

  test("no byte can be changed, and none left out or added", () => {
    const bytes = signManifest(content, privateKey);
    const changed = [...bytes].flatMap((_, at) =>
      [1, 0x20, 0x80].map((bit) => {
        const copy = Uint8Array.from(bytes);
        copy[at] = (copy[at] as number) ^ bit;
        return { components: 2, bytes: copy };
      }),
    );
    const cut = [...bytes].map((_, length) => ({ components: 2, bytes: bytes.slice(0, length) }));
    const longer = { components: 2, bytes: Uint8Array.of(...bytes, 0) };
    for (const line of judge([...changed, ...cut, longer])) assert.match(line, /^[12]$/);
  });

  test("what is signed is taken in one shape and encoding: 4,000 changes, and the host says the same", () => {
    const random = new Random(20261130);
    const below = (limit: number) => random.below(limit);
    const whole = inner(signManifest(content, privateKey));
    const records: Record[] = [];
    for (let n = 0; n < 4_000; n++) {
      const copy = [...whole];
      for (let change = 0; change <= below(2); change++) {
        const at = below(copy.length);
        const kind = below(4);
        if (kind === 0) copy.splice(at, 1);
        else if (kind === 1) copy.splice(at, 0, below(256));
        else if (kind === 2) copy[at] = below(256);
        else copy[at] = (copy[at] as number) + (below(2) === 0 ? 1 : -1);
      }
      records.push({ components: 2, bytes: signAny(Uint8Array.from(copy)) });
    }
    const lines = judge(records);
    let taken = 0;
    records.forEach(({ bytes }, index) => {
      let read: ManifestContent | undefined;
      try {
        read = readManifest(bytes, publicKey);
      } catch (error) {
        assert.is((error as Error).name, "CliError", (error as Error).stack);
      }
      const line = lines[index] as string;
      const mine = read !== undefined && Buffer.from(owner.vendor).equals(read.vendor);
      if (line.startsWith("0 ")) {
        taken++;
        assert.ok(mine, "the host takes what the device takes");
        assert.is(`0 ${read?.sequence}`, line.split(" ", 2).join(" "));
      } else {
        const theirs = line === String(VENDOR) || line === String(CLASS);
        const odd = read?.components.some(({ size, digest }) => size === 0 || digest.length !== 32);
        if (read && !theirs && !odd)
          assert.unreachable(`the host takes what the device refuses (${line})`);
      }
    });
    assert.ok(taken > 20, `${taken} changes of numbers and digests are taken`);
  });

  test("a longer head for the same number is refused", () => {
    const whole = inner(signManifest(content, privateKey));
    const at = Buffer.from(whole).indexOf(Buffer.of(0x02, 0x07, 0x03));
    assert.ok(at > 0);
    const longer = Uint8Array.of(...whole.slice(0, at + 1), 0x18, 0x07, ...whole.slice(at + 2));
    assert.is(outcome(signAny(longer)), MALFORMED);
    assert.is(outcome(signAny(whole)), GOOD);
    assert.throws(() => readManifest(signAny(longer)), /this is no manifest/);
  });

  test("a manifest has room for the largest numbers, and none is larger than devices take", () => {
    const components = describeImages(images).map((each) => ({ ...each, size: 0xffffffff }));
    const largest = { ...content, sequence: (1n << 64n) - 1n, components };
    const bytes = signManifest(largest, privateKey);
    assert.is(outcome(bytes), GOOD);
    assert.ok(bytes.length <= 512, `${bytes.length}`);
    const empty = { ...content, components: components.map((each) => ({ ...each, size: 0 })) };
    assert.is(outcome(signManifest(empty, privateKey)), MALFORMED, "an image of no bytes");
  });

  test("a confirmation is the owner's, of one manifest, for one device", () => {
    const digest = randomBytes(32);
    const instance = randomBytes(33);
    const other = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
    const statement = signConfirmation(digest, instance, privateKey);
    const check = (d: Uint8Array, i: Uint8Array, s: Uint8Array) => ({
      components: 0,
      bytes: Buffer.concat([d, i, s]),
    });
    const flips = [...statement].map((_, at) => {
      const copy = Uint8Array.from(statement);
      copy[at] = (copy[at] as number) ^ 0x04;
      return check(digest, instance, copy);
    });
    const [good, ...bad] = judge([
      check(digest, instance, statement),
      check(randomBytes(32), instance, statement),
      check(digest, randomBytes(33), statement),
      check(digest, instance, signConfirmation(digest, instance, other)),
      check(digest, instance, statement.slice(0, -1)),
      check(digest, instance, Uint8Array.of(...statement, 0)),
      check(digest, instance, signManifest(content, privateKey)),
      ...flips,
    ]);
    assert.is(good, "1");
    assert.equal(new Set(bad), new Set(["0"]));
  });

  test("signatures: Node's own, and the example of draft-ietf-suit-manifest (appendix B.1)", () => {
    const checker = hostBuild("check-signatures.c", MANIFEST_SOURCES);
    const parts: Buffer[] = [];
    let wanted = "";
    const add = (key: KeyObject, digest: Uint8Array, signature: Uint8Array, good: boolean) => {
      const { x = "", y = "" } = key.export({ format: "jwk" });
      parts.push(Buffer.from(x, "base64url"), Buffer.from(y, "base64url"));
      parts.push(Buffer.from(digest), Buffer.from(signature));
      wanted += good ? "1" : "0";
    };
    for (let n = 0; n < 100; n++) {
      const keys = generateKeyPairSync("ec", { namedCurve: "P-256" });
      const message = randomBytes(n);
      const options = { key: keys.privateKey, dsaEncoding: "ieee-p1363" as const };
      const signature = sign("sha256", message, options);
      add(keys.publicKey, sha256(message), signature, true);
      const bad = Buffer.from(signature);
      bad.writeUInt8(bad.readUInt8(n % 64) ^ 1, n % 64);
      add(keys.publicKey, sha256(message), bad, false);
      add(publicKey, sha256(message), signature, false);
    }
    // The example's key, and its signature of a manifest's digest with the payload detached.
    const key = createPublicKey(`-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEhJaBGq4LqqvSYVcYnuzaJr6qi/Eb
bz/m4rVlnIXbwK07HypLbAmBMcCjbazR14vTgdzfsJwFLbM5kdtzOLSolg==
-----END PUBLIC KEY-----`);
    const digest = "6658ea560262696dd1f13b782239a064da7c6c5cbaf52fded428a6fc83c7e5af";
    const signature =
      "68113f1e76731330fea16136cead2be4fa8d4bb3e327e3f9232eb4f13b5d118f2ea6e31d9a09a240f6f5770776916e15a4ebca1b6262cf6e40a44353bd8161d9";
    const input = `846a${Buffer.from("Signature1").toString("hex")}43a10126405824822f5820${digest}`;
    add(key, sha256(Buffer.from(input, "hex")), Buffer.from(signature, "hex"), true);
    const run = spawnSync(checker, { input: Buffer.concat(parts), encoding: "utf8" });
    assert.is(run.stderr, "");
    assert.is(run.stdout, wanted);
  });

  const vectors = ["vectors", "wycheproof", "ecdsa_secp256r1_sha256_p1363_test.json"] as const;
  const der = ["vectors", "wycheproof", "ecdsa_secp256r1_sha256_test.json"] as const;
  const found = [vectors, der].find((path) => hasShared(...path));
  if (found === undefined) skip(1, "no Wycheproof vectors beside the repository");
  else
    test("signatures: Wycheproof's", () => {
      const checker = hostBuild("check-signatures.c", MANIFEST_SOURCES);
      const { testGroups } = JSON.parse(readFileSync(sharedPath(...found), "utf8"));
      const parts: Buffer[] = [];
      let wanted = "";
      for (const { publicKey: group, tests } of testGroups)
        for (const { msg, sig, result } of tests) {
          const raw =
            found === der ? rawSignature(Buffer.from(sig, "hex")) : Buffer.from(sig, "hex");
          if (raw === undefined || raw.length !== 64) continue;
          parts.push(Buffer.from(group.uncompressed, "hex").subarray(1));
          parts.push(sha256(Buffer.from(msg, "hex")), raw);
          wanted += result === "invalid" ? "0" : "1";
        }
      assert.ok(wanted.length > 100, `${wanted.length} vectors`);
      const run = spawnSync(checker, { input: Buffer.concat(parts), encoding: "utf8" });
      assert.is(run.stderr, "");
      assert.is(run.stdout, wanted);
    });
}

/** r ‖ s of a DER signature with numbers of up to 32 bytes, else undefined. */
function rawSignature(bytes: Buffer): Buffer | undefined {
  const numbers: Buffer[] = [];
  if (bytes[0] !== 0x30 || bytes[1] !== bytes.length - 2) return undefined;
  for (let at = 2; at < bytes.length; ) {
    const length = bytes[at + 1] ?? 0;
    const value = bytes.subarray(at + 2, at + 2 + length);
    const digits = value[0] === 0 && length > 1 ? value.subarray(1) : value;
    const canonical = length > 0 && ((value[0] as number) & 0x80) === 0 && digits.length <= 32;
    const padded = value[0] === 0 && length > 1 && ((value[1] as number) & 0x80) === 0;
    if (bytes[at] !== 0x02 || value.length !== length || !canonical || padded) return undefined;
    numbers.push(Buffer.concat([Buffer.alloc(32 - digits.length), digits]));
    at += 2 + length;
  }
  return numbers.length === 2 ? Buffer.concat(numbers) : undefined;
}

test.run();
