// What of node:crypto the client uses to check isolates, for a browser: the same calls, which answer at once.
import { sha256 } from "@noble/hashes/sha2.js";
import { displayUtf8 } from "../../common/text.js";
import { sharedTlsEngine } from "../../session-manager/load.js";
import { bitString, context, parse, parts, SEQUENCE, timeValue } from "../../x509/der.js";
import { Buffer } from "./buffer.js";

/** SHA-256, the one hash that is used. */
export function createHash(name: string) {
  if (name !== "sha256") throw new Error(`no ${name} here`);
  const state = sha256.create();
  const hash = {
    update(content: Uint8Array | string) {
      state.update(typeof content === "string" ? new TextEncoder().encode(content) : content);
      return hash;
    },
    digest(encoding?: "hex" | "base64"): unknown {
      const digest = Buffer.from(state.digest());
      return encoding === undefined ? digest : digest.toString(encoding);
    },
  };
  return hash;
}

/** Random bytes of WebCrypto. */
export function randomBytes(length: number): Buffer {
  return crypto.getRandomValues(new Buffer(length));
}

const POINT_BYTES = 65;
const DIGEST_BYTES = 32;
const SIGNATURE_BYTES = 64;

/** The module that is here for TLS anyway verifies signatures as well. */
const engine = () => sharedTlsEngine("session-manager-signer");

/** A public key on P-256. */
export class KeyObject {
  readonly asymmetricKeyType = "ec";
  readonly asymmetricKeyDetails = { namedCurve: "prime256v1" };

  /** @param point 65 bytes, uncompressed. @throws when it is not on the curve */
  constructor(readonly point: Uint8Array) {
    const module = engine();
    if (
      point.length !== POINT_BYTES ||
      module.withBytes(point, (at) => module.call("isPublicKey", at)) === 0
    )
      throw new Error("not a point on P-256");
  }

  export(options: { format: string }): unknown {
    if (options.format !== "jwk") throw new Error(`no ${options.format} here`);
    const part = (from: number) => Buffer.from(this.point).toString("base64url", from, from + 32);
    return { kty: "EC", crv: "P-256", x: part(1), y: part(33) };
  }
}

function pointOf(spki: Uint8Array): Uint8Array {
  const [, key] = parts(parse(spki), SEQUENCE, "the key");
  const point = bitString(key, "the key");
  if (point.length !== POINT_BYTES || point[0] !== 4) throw new Error("not a key on P-256");
  return Uint8Array.from(point);
}

type KeySource =
  | { key: Uint8Array; format: "der"; type: "spki" }
  | { key: { x: string; y: string }; format: "jwk" };

/** A public key from its DER or JWK. @throws when it is not one on P-256 */
export function createPublicKey(source: KeySource): KeyObject {
  if (source.format === "der") return new KeyObject(pointOf(source.key));
  const { x, y } = source.key;
  const point = [Buffer.of(4), Buffer.from(x, "base64url"), Buffer.from(y, "base64url")];
  return new KeyObject(Buffer.concat(point));
}

/** There is no such key in a page. */
export function createPrivateKey(): never {
  throw new Error("private keys are WebCrypto's here");
}

/** Whether a signature is this key's, over the SHA-256 of the content: DER, or r ‖ s. */
export function verify(
  _hash: string,
  content: Uint8Array,
  key: KeyObject | { key: KeyObject; dsaEncoding: "ieee-p1363" },
  signature: Uint8Array,
): boolean {
  const isPlain = key instanceof KeyObject;
  const { point } = isPlain ? key : key.key;
  if (!isPlain && signature.length !== SIGNATURE_BYTES) return false;
  const module = engine();
  const room = new Uint8Array(isPlain ? SIGNATURE_BYTES : 0);
  const given = Buffer.concat([point, sha256(content), room, signature]);
  return module.withBytes(given, (key) => {
    const digest = key + POINT_BYTES;
    const raw = digest + DIGEST_BYTES;
    if (isPlain) {
      const der = raw + SIGNATURE_BYTES;
      if (module.call("ecdsaSignatureFromDer", der, signature.length, raw) === 0) return false;
    }
    return module.call("p256Verify", raw, digest, key) !== 0;
  });
}

/** There is no such key in a page. */
export function sign(): never {
  throw new Error("private keys are WebCrypto's here");
}
/** There is no such key in a page. */
export const generateKeyPairSync = sign;
/** Nothing here needs it. */
export const createHmac = sign;

/** A certificate, as far as the client looks at it without its own reader. */
export class X509Certificate {
  readonly raw: Buffer;
  readonly publicKey: KeyObject;
  readonly subject: string;
  readonly validFrom: string;
  readonly validTo: string;

  /** @param source PEM or DER. @throws when it is no certificate */
  constructor(source: string | Uint8Array) {
    const text = typeof source === "string" ? source : Buffer.from(source).toString("latin1");
    const [, pem] = /-----BEGIN CERTIFICATE-----([^-]*)-----END CERTIFICATE-----/.exec(text) ?? [];
    this.raw = pem === undefined ? Buffer.from(source as Uint8Array) : Buffer.from(pem, "base64");
    const [content] = parts(parse(Uint8Array.from(this.raw)), SEQUENCE, "the certificate");
    const all = parts(content, SEQUENCE, "the certificate's content");
    // Certificates of version 1 do not name their version (RFC 5280 §4.1).
    const fields = all[0]?.tag === context(0) ? all.slice(1) : all;
    const [, , , validity, subject, spki] = fields;
    const [notBefore, notAfter] = parts(validity, SEQUENCE, "the validity");
    this.publicKey = new KeyObject(pointOf(spki?.whole ?? new Uint8Array(0)));
    this.subject = subjectOf(subject?.whole ?? new Uint8Array(0));
    this.validFrom = new Date(timeValue(notBefore, "the beginning")).toISOString();
    this.validTo = new Date(timeValue(notAfter, "the end")).toISOString();
  }
}

/** id-at-commonName, DER. */
const COMMON_NAME = "0603550403";

/** The common name, as Node.js writes a subject; empty where there is none. */
function subjectOf(name: Uint8Array): string {
  for (const set of parts(parse(name), SEQUENCE, "the name")) {
    const [attribute] = parts(set, 0x31, "a part of the name");
    const [type, value] = parts(attribute, SEQUENCE, "an attribute");
    if (type !== undefined && Buffer.from(type.whole).toString("hex") === COMMON_NAME)
      return `CN=${displayUtf8(value?.value ?? new Uint8Array(0))}`;
  }
  return "";
}
