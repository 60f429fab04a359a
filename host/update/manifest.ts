import { createHash, type KeyObject, sign, verify } from "node:crypto";
import { CliError } from "../common/cli.js";
import {
  ARRAY,
  BYTES,
  CborError,
  content,
  encode,
  type Item,
  MAP,
  scan,
  TAG,
  UNSIGNED,
} from "../psa-attestation/cbor.js";
import { sign1, signatureInput } from "../psa-attestation/cose.js";

/**
 * A SUIT manifest (architecture RFC 9019, information model RFC 9124, serialization draft-ietf-suit-manifest) in the one
 * shape that devices take: docs/protocols.md. The devices' reader is `mcu-client/update/manifest.c`.
 */

const ENVELOPE_TAG = 107;
const SHA_256 = -16;
/** Protected header: ES256. */
const PROTECTED = Uint8Array.of(0xa1, 0x01, 0x26);
/** Largest manifest, in bytes (`MANIFEST_MAX`). */
export const MAX_MANIFEST_BYTES = 512;
/** Label of the statement that confirms an image on a device. */
export const CONFIRMATION_LABEL = "veracruz-confirm-v1";

/** The images of a device, in the order in which a manifest names them: those of one world, or of two. */
export const componentNames = [["isolate"], ["secure", "outside"]] as const;

/** One image, as a manifest describes it. */
export interface ManifestComponent {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** SHA-256. */
  readonly digest: Uint8Array;
}

/** What an owner signs of an image. */
export interface ManifestContent {
  readonly sequence: bigint;
  /** 16 bytes, as is the class. */
  readonly vendor: Uint8Array;
  readonly class: Uint8Array;
  readonly components: readonly ManifestComponent[];
}

/** A manifest as read. */
export interface Manifest extends ManifestContent {
  /** SHA-256 of the manifest, by which the owner confirms it. */
  readonly digest: Uint8Array;
}

const sha256 = (...parts: Uint8Array[]) => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
};
const equal = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b) === 0;
const suitDigest = (digest: Uint8Array) => encode([SHA_256, digest]);
/** cbor-x writes numbers above 32 bits as floats, and all bigints in 64 bits. */
const unsigned = (value: bigint) => (value < 1n << 32n ? Number(value) : value);

/** The manifest itself: SUIT_Manifest. */
function encodeManifest(manifest: ManifestContent): Uint8Array {
  const { sequence, vendor, components } = manifest;
  const commands = components.flatMap(({ size, digest }, index): unknown[] => [
    ...[12, index], // set component index
    20, // override parameters
    new Map<number, unknown>([
      [1, vendor],
      [2, manifest.class],
      [3, suitDigest(digest)],
      [14, size],
    ]),
    ...[1, 15, 2, 15], // vendor and class match
  ]);
  const common = new Map<number, unknown>([
    [2, components.map(({ name }) => [new Uint8Array(Buffer.from(name))])],
    [4, encode(commands)],
  ]);
  return encode(
    new Map<number, unknown>([
      [1, 1],
      [2, unsigned(sequence)],
      [3, encode(common)],
      [7, encode(components.flatMap((_, index) => [12, index, 3, 15]))], // validate: the image matches
      [9, encode([12, 0, 23, 2])], // invoke the first
    ]),
  );
}

function envelope(manifest: Uint8Array, digest: Uint8Array, signature: Uint8Array): Uint8Array {
  // Tag 18, COSE_Sign1, its payload detached.
  const block = Uint8Array.of(0xd2, ...encode([PROTECTED, new Map(), null, signature]));
  const map = new Map<number, unknown>([
    [2, encode([digest, block])],
    [3, manifest],
  ]);
  return Uint8Array.of(0xd8, ENVELOPE_TAG, ...encode(map));
}

/**
 * Signs a manifest.
 *
 * @param key the owner's, P-256
 * @throws CliError when no device could take it
 */
export function signManifest(manifest: ManifestContent, key: KeyObject): Uint8Array {
  const encoded = encodeManifest(manifest);
  const digest = suitDigest(sha256(encode(encoded)));
  const input = signatureInput(PROTECTED, digest);
  const signature = sign("sha256", input, { key, dsaEncoding: "ieee-p1363" });
  const bytes = envelope(encoded, digest, new Uint8Array(signature));
  if (bytes.length > MAX_MANIFEST_BYTES)
    throw new CliError(`the manifest has ${bytes.length} bytes, more than ${MAX_MANIFEST_BYTES}`);
  return bytes;
}

/** Steps down to an item: indexes of children, and byte strings whose content is an item in turn. */
class Finder {
  private constructor(
    private readonly bytes: Uint8Array,
    private readonly item: Item,
  ) {}

  static of(bytes: Uint8Array): Finder {
    return new Finder(bytes, scan(bytes));
  }

  child(index: number): Finder {
    const child = this.item.children[index];
    if (child === undefined) throw new CborError("cbor-malformed", this.item.start, "cut short");
    return new Finder(this.bytes, child);
  }

  children(): Finder[] {
    return this.item.children.map((_, index) => this.child(index));
  }

  string(): Uint8Array {
    if (this.item.major !== BYTES)
      throw new CborError("cbor-malformed", this.item.start, "no byte string");
    return content(this.bytes, this.item);
  }

  inside(): Finder {
    return Finder.of(this.string());
  }

  unsigned(): bigint {
    if (this.item.major !== UNSIGNED)
      throw new CborError("cbor-malformed", this.item.start, "no unsigned number");
    return BigInt(this.item.argument);
  }

  of(major: number): this {
    if (this.item.major !== major)
      throw new CborError("cbor-malformed", this.item.start, `major type ${major} is wanted`);
    return this;
  }
}

function readContent(bytes: Uint8Array): ManifestContent {
  const map = Finder.of(bytes).of(MAP);
  const common = map.child(5).inside().of(MAP);
  const commands = common.child(3).inside().of(ARRAY);
  const parameters = (index: number) => commands.child(8 * index + 3).of(MAP);
  const components = common
    .child(1)
    .of(ARRAY)
    .children()
    .map((path, index): ManifestComponent => {
      const size = parameters(index).child(7).unsigned();
      if (size > 0xffffffffn) throw new CborError("cbor-malformed", 0, "an image of 4 GiB or more");
      return {
        name: Buffer.from(path.child(0).string()).toString("latin1"),
        size: Number(size),
        digest: parameters(index).child(5).inside().child(1).string(),
      };
    });
  return {
    sequence: map.child(3).unsigned(),
    vendor: parameters(0).child(1).string(),
    class: parameters(0).child(3).string(),
    components,
  };
}

/**
 * Reads a manifest. What is read is put together again, and must come out the same: there is one encoding of each.
 *
 * @param key the owner's; left out: nobody's signature is checked
 * @throws CliError
 */
export function readManifest(bytes: Uint8Array, key?: KeyObject): Manifest {
  try {
    const map = Finder.of(bytes).of(TAG).child(0).of(MAP);
    const wrapper = map.child(1).inside().of(ARRAY);
    const signature = wrapper.child(1).inside().of(TAG).child(0).child(3).string();
    const encoded = map.child(3).string();
    const manifest = readContent(encoded);
    const digest = sha256(encode(encoded));
    const again = envelope(encodeManifest(manifest), suitDigest(digest), signature);
    const names = manifest.components.map(({ name }) => name).join();
    if (!equal(again, bytes) || !componentNames.some((known) => known.join() === names))
      throw new CborError("cbor-malformed", 0, "not the shape that devices take");
    const input = signatureInput(PROTECTED, suitDigest(digest));
    const options = key && { key, dsaEncoding: "ieee-p1363" as const };
    if (options !== undefined && !verify("sha256", input, options, signature))
      throw new CliError("the manifest is not signed by the owner's key");
    return { ...manifest, digest };
  } catch (error) {
    if (error instanceof CborError) throw new CliError(`this is no manifest: ${error.message}`);
    throw error;
  }
}

/**
 * The owner's statement that a device has shown, attested, that it runs the images of a manifest.
 *
 * @param digest of the manifest, 32 bytes
 * @param instanceId of the device, 33 bytes
 * @param key the owner's, P-256
 */
export function signConfirmation(
  digest: Uint8Array,
  instanceId: Uint8Array,
  key: KeyObject,
): Uint8Array {
  return sign1(encode([CONFIRMATION_LABEL, digest, instanceId]), key);
}

/** Describes images for a manifest. @param images in the order of `componentNames` */
export function describeImages(images: readonly Uint8Array[]): ManifestComponent[] {
  const names = componentNames[images.length - 1];
  if (names === undefined) throw new CliError("a device has one image or two");
  return images.map((image, index) => ({
    name: names[index] as string,
    size: image.length,
    digest: sha256(image),
  }));
}
