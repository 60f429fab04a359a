/**
 * A TLS 1.3 peer for tests, written apart from the engine on Node's cryptography. It follows a script:
 * every message can be replaced, left out, repeated, or sent at the wrong time, and goes out under the
 * right keys all the same. It checks what it gets.
 */
import {
  createCipheriv,
  createDecipheriv,
  createECDH,
  createHash,
  createHmac,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
  X509Certificate,
} from "node:crypto";
import { ml_kem768 } from "@noble/post-quantum/ml-kem.js";
import * as assert from "uvu/assert";
import type { TlsSession } from "../../../host/session-manager/engine.js";
import type { Credential } from "./credentials.js";
import {
  Content,
  concat,
  message,
  Type,
  u8,
  u16,
  u24,
  vector8,
  vector16,
  vector24,
} from "./wire.js";

export const CHACHA = 0x1303;
export const AES = 0x1301;
export const X25519 = 29;
export const P256 = 23;
/** X25519MLKEM768 */
export const HYBRID = 0x11ec;

const sha256 = (...parts: Uint8Array[]): Buffer =>
  createHash("sha256")
    .update(concat(...parts))
    .digest();
const hmac = (key: Uint8Array, data: Uint8Array): Buffer =>
  createHmac("sha256", key).update(data).digest();

function expandLabel(secret: Buffer, label: string, context: Uint8Array, length: number): Buffer {
  const info = concat(u16(length), vector8(Buffer.from(`tls13 ${label}`)), vector8(context));
  const blocks: Buffer[] = [];
  let previous = Buffer.alloc(0);
  for (let i = 1; blocks.length * 32 < length; i++) {
    previous = hmac(secret, concat(previous, info, u8(i))) as Buffer<ArrayBuffer>;
    blocks.push(previous);
  }
  return concat(...blocks).subarray(0, length);
}

/** The keys of one direction. */
export class Protection {
  private key: Buffer = Buffer.alloc(0);
  private iv: Buffer = Buffer.alloc(0);
  sequence = 0n;

  constructor(
    readonly suite: number,
    public secret: Buffer,
  ) {
    this.derive();
  }

  private derive(): void {
    this.key = expandLabel(this.secret, "key", u8(0).subarray(1), this.suite === AES ? 16 : 32);
    this.iv = expandLabel(this.secret, "iv", u8(0).subarray(1), 12);
    this.sequence = 0n;
  }

  /** The next generation (RFC 8446 §7.2). */
  update(): void {
    this.secret = expandLabel(this.secret, "traffic upd", u8(0).subarray(1), 32);
    this.derive();
  }

  private nonce(): Buffer {
    const nonce = Buffer.from(this.iv);
    const low = nonce.readBigUInt64BE(4) ^ this.sequence;
    nonce.writeBigUInt64BE(low, 4);
    this.sequence = BigInt.asUintN(64, this.sequence + 1n);
    return nonce;
  }

  private get cipher(): "chacha20-poly1305" | "aes-128-gcm" {
    return this.suite === AES ? "aes-128-gcm" : "chacha20-poly1305";
  }

  /** A protected record over `inner`: content, type, padding as given. */
  sealInner(
    inner: Uint8Array,
    header = concat(u8(23), u16(0x0303), u16(inner.length + 16)),
  ): Buffer {
    const options = { authTagLength: 16 };
    const cipher = createCipheriv(this.cipher as "aes-128-gcm", this.key, this.nonce(), options);
    cipher.setAAD(header, { plaintextLength: inner.length });
    const body = concat(cipher.update(inner), cipher.final());
    return concat(header, body, cipher.getAuthTag());
  }

  seal(type: number, content: Uint8Array, padding = 0): Buffer {
    return this.sealInner(concat(content, u8(type), Buffer.alloc(padding)));
  }

  open(record: Buffer): { type: number; content: Buffer } {
    const options = { authTagLength: 16 };
    const cipher = createDecipheriv(this.cipher as "aes-128-gcm", this.key, this.nonce(), options);
    const body = record.subarray(5, -16);
    cipher.setAAD(record.subarray(0, 5), { plaintextLength: body.length });
    cipher.setAuthTag(record.subarray(-16));
    const inner = concat(cipher.update(body), cipher.final());
    let end = inner.length;
    while (end > 0 && inner[end - 1] === 0) end--;
    return { type: inner[end - 1] ?? 0, content: inner.subarray(0, end - 1) };
  }
}

/** An unprotected record. */
export const plainRecord = (type: number, content: Uint8Array, version = 0x0303): Buffer =>
  concat(u8(type), u16(version), vector16(content));

/** One thing that the engine sent. */
export interface Sent {
  type: number;
  content: Buffer;
  protected: boolean;
}

/** A key pair of a group for one handshake; of the hybrid group, a server's share answers a client's. */
export class Share {
  readonly publicKey: Buffer;
  private readonly x25519: KeyObject | undefined;
  private readonly ecdh = createECDH("prime256v1");
  /** What ML-KEM agrees on, given the peer's share. */
  private readonly kem: ((peer: Buffer) => Uint8Array) | undefined;

  constructor(
    readonly group: number,
    clientShare?: Uint8Array,
  ) {
    if (group === P256) {
      this.publicKey = this.ecdh.generateKeys();
      return;
    }
    const { privateKey, publicKey } = generateKeyPairSync("x25519");
    this.x25519 = privateKey;
    this.publicKey = publicKey.export({ type: "spki", format: "der" }).subarray(-32);
    if (group !== HYBRID) return;
    if (clientShare === undefined) {
      const pair = ml_kem768.keygen();
      this.publicKey = concat(pair.publicKey, this.publicKey);
      this.kem = (peer) => ml_kem768.decapsulate(peer.subarray(0, -32), pair.secretKey);
    } else {
      const made = ml_kem768.encapsulate(clientShare.subarray(0, -32));
      this.publicKey = concat(made.cipherText, this.publicKey);
      this.kem = () => made.sharedSecret;
    }
  }

  agree(peer: Buffer): Buffer {
    if (this.x25519 === undefined) return this.ecdh.computeSecret(peer);
    const classical = this.agreeClassically(this.x25519, peer.subarray(-32));
    return this.kem === undefined ? classical : concat(this.kem(peer), classical);
  }

  private agreeClassically(privateKey: KeyObject, peer: Buffer): Buffer {
    const prefix = Buffer.from("302a300506032b656e032100", "hex");
    const publicKey = createPublicKey({ key: concat(prefix, peer), format: "der", type: "spki" });
    return diffieHellman({ privateKey, publicKey });
  }
}

/** What both roles of the scripted peer share. */
export abstract class ScriptedPeer {
  suite = CHACHA;
  group = X25519;
  /** Handshake messages so far, both sides'. */
  transcript: Buffer = Buffer.alloc(0);
  read: Protection | undefined;
  write: Protection | undefined;
  clientHandshake: Buffer = Buffer.alloc(0);
  serverHandshake: Buffer = Buffer.alloc(0);
  clientApplication: Buffer = Buffer.alloc(0);
  serverApplication: Buffer = Buffer.alloc(0);
  private master: Buffer = Buffer.alloc(0);
  private unread: Buffer = Buffer.alloc(0);
  /** Handshake bytes from the engine that are not yet a whole message. */
  private partial: Buffer = Buffer.alloc(0);

  constructor(readonly engine: TlsSession) {}

  abstract readonly isServer: boolean;

  transcriptHash(): Buffer {
    return sha256(this.transcript);
  }

  deriveHandshake(shared: Buffer): void {
    const empty = sha256();
    const early = hmac(Buffer.alloc(32), Buffer.alloc(32));
    const handshake = hmac(expandLabel(early, "derived", empty, 32), shared);
    const hash = this.transcriptHash();
    this.clientHandshake = expandLabel(handshake, "c hs traffic", hash, 32);
    this.serverHandshake = expandLabel(handshake, "s hs traffic", hash, 32);
    this.master = hmac(expandLabel(handshake, "derived", empty, 32), Buffer.alloc(32));
  }

  deriveApplication(): void {
    const hash = this.transcriptHash();
    this.clientApplication = expandLabel(this.master, "c ap traffic", hash, 32);
    this.serverApplication = expandLabel(this.master, "s ap traffic", hash, 32);
  }

  /** Gives the engine bytes, and expects it to use them all. */
  feed(bytes: Uint8Array): void {
    this.engine.feed(bytes);
  }

  /** Content in a record, protected where there are keys. */
  record(type: number, content: Uint8Array): Buffer {
    return this.write?.seal(type, content) ?? plainRecord(type, content);
  }

  /** Adds a handshake message to the transcript and sends it in a record of its own. */
  say(handshakeMessage: Buffer): void {
    this.transcript = concat(this.transcript, handshakeMessage);
    this.feed(this.record(Content.handshake, handshakeMessage));
  }

  /** All that the engine has sent since, record by record. */
  hear(): Sent[] {
    this.unread = concat(this.unread, this.engine.takeOutput());
    const all: Sent[] = [];
    while (this.unread.length >= 5) {
      const length = 5 + this.unread.readUInt16BE(3);
      if (this.unread.length < length) break;
      const record = this.unread.subarray(0, length);
      this.unread = this.unread.subarray(length);
      const type = record[0] as number;
      if (type === Content.data && this.read !== undefined)
        all.push({ ...this.read.open(record), protected: true });
      else all.push({ type, content: record.subarray(5), protected: false });
      const last = all.at(-1) as Sent;
      if (last.type === Content.handshake) this.heard(last.content);
    }
    return all;
  }

  /** Goes on with each whole handshake message. */
  private heard(bytes: Buffer): void {
    this.partial = concat(this.partial, bytes);
    while (this.partial.length >= 4) {
      const length = 4 + this.partial.readUIntBE(1, 3);
      if (this.partial.length < length) return;
      const whole = this.partial.subarray(0, length);
      this.partial = this.partial.subarray(length);
      this.take(whole[0] as number, whole.subarray(4), whole);
    }
  }

  /** Takes a message of the engine: changes keys, checks signatures. */
  protected abstract take(type: number, body: Buffer, whole: Buffer): void;

  /** The bytes that a CertificateVerify signs now (RFC 8446 §4.4.3). */
  signedContent(byServer: boolean): Buffer {
    const context = `TLS 1.3, ${byServer ? "server" : "client"} CertificateVerify`;
    return concat(Buffer.alloc(64, 0x20), Buffer.from(`${context}\0`), this.transcriptHash());
  }

  certificate(chain: readonly Uint8Array[]): Buffer {
    const entries = chain.map((one) => concat(vector24(one), u16(0)));
    return message(Type.certificate, concat(vector8(), vector24(...entries)));
  }

  certificateVerify(key: KeyObject, content = this.signedContent(this.isServer)): Buffer {
    const signature = sign("sha256", content, key);
    return message(Type.certificateVerify, concat(u16(0x0403), vector16(signature)));
  }

  finished(secret = this.isServer ? this.serverHandshake : this.clientHandshake): Buffer {
    const key = expandLabel(secret, "finished", Buffer.alloc(0), 32);
    return message(Type.finished, hmac(key, this.transcriptHash()));
  }

  /** The one alert, and nothing after it: fails if the engine sent anything else. */
  heardAlert(): number | undefined {
    const alerts = this.hear().filter(({ type }) => type === Content.alert);
    assert.ok(alerts.length <= 1, `${alerts.length} alerts`);
    const content = alerts[0]?.content;
    if (content === undefined) return undefined;
    assert.is(content.length, 2);
    const [level, description] = content;
    assert.is(level, description === 0 ? 1 : 2);
    return description;
  }

  /** Checks the engine's CertificateVerify under the certificate that it showed. */
  protected checkSignature(shown: Buffer, body: Buffer, byServer: boolean): void {
    assert.is(body.readUInt16BE(0), 0x0403);
    const key = new X509Certificate(shown).publicKey;
    assert.ok(verify("sha256", this.signedContent(byServer), key, body.subarray(4)), "signature");
  }

  protected static firstCertificate(body: Buffer): Buffer {
    return body.length === 4 ? Buffer.alloc(0) : body.subarray(7, 7 + body.readUIntBE(4, 3));
  }
}

export type { Credential };
export { expandLabel, hmac, sha256, u24 };
