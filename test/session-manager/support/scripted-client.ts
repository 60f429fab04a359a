import { randomBytes } from "node:crypto";
import * as assert from "uvu/assert";
import type { TlsSession } from "../../../host/session-manager/engine.js";
import type { Credential } from "./credentials.js";
import {
  CHACHA,
  HYBRID,
  Protection,
  ScriptedPeer,
  Share,
  sha256,
  X25519,
} from "./scripted-peer.js";
import {
  Content,
  concat,
  Ext,
  type Extensions,
  extension,
  extensionBlock,
  message,
  Type,
  u16,
  vector8,
  vector16,
} from "./wire.js";

const RETRY = sha256(Buffer.from("HelloRetryRequest"));

/** The fields of a ClientHello, each as its bytes. */
export interface HelloFields {
  version: Buffer;
  random: Buffer;
  sessionId: Buffer;
  suites: Buffer;
  compression: Buffer;
  extensions: Extensions;
}

/** A client by script, for the engine in the server role. */
export class ScriptedClient extends ScriptedPeer {
  readonly isServer = false;
  share: Share;
  fields: HelloFields;
  private shown: Buffer = Buffer.alloc(0);
  retried = false;
  encryptedExtensions: Buffer = Buffer.alloc(0);

  constructor(engine: TlsSession, suite = CHACHA, group = X25519) {
    super(engine);
    this.suite = suite;
    this.group = group;
    this.share = new Share(group);
    this.fields = {
      version: u16(0x0303),
      random: randomBytes(32),
      sessionId: vector8(randomBytes(32)),
      suites: vector16(u16(suite)),
      compression: vector8(Buffer.from([0])),
      extensions: {
        supportedVersions: extension(Ext.supportedVersions, vector8(u16(0x0304))),
        supportedGroups: extension(
          Ext.supportedGroups,
          vector16(u16(29), u16(23), ...(group === HYBRID ? [u16(HYBRID)] : [])),
        ),
        signatureAlgorithms: extension(Ext.signatureAlgorithms, vector16(u16(0x0403))),
        keyShare: this.keyShare(),
      },
    };
  }

  keyShare(): Buffer {
    const { group, publicKey } = this.share;
    return extension(Ext.keyShare, vector16(u16(group), vector16(publicKey)));
  }

  hello(changes: Partial<HelloFields> = {}): Buffer {
    const { extensions, ...fields } = { ...this.fields, ...changes };
    return message(Type.clientHello, concat(...Object.values(fields), extensionBlock(extensions)));
  }

  /** The hello with some extensions replaced, added, or (by undefined) left out. */
  helloWith(extensions: Extensions): Buffer {
    return this.hello({ extensions: { ...this.fields.extensions, ...extensions } });
  }

  protected take(type: number, body: Buffer, whole: Buffer): void {
    switch (type) {
      case Type.serverHello:
        this.takeServerHello(body, whole);
        return;
      case Type.encryptedExtensions:
        this.encryptedExtensions = Buffer.from(body);
        break;
      case Type.certificateRequest:
        break;
      case Type.certificate:
        this.shown = Buffer.from(ScriptedPeer.firstCertificate(body));
        break;
      case Type.certificateVerify:
        this.checkSignature(this.shown, body, true);
        break;
      case Type.finished:
        assert.ok(whole.equals(this.finished(this.serverHandshake)), "server's Finished");
        this.transcript = concat(this.transcript, whole);
        this.deriveApplication();
        this.read = new Protection(this.suite, this.serverApplication);
        return;
      case Type.keyUpdate:
        this.read?.update();
        return;
      default:
        assert.unreachable(`message ${type} from the engine`);
    }
    this.transcript = concat(this.transcript, whole);
  }

  private takeServerHello(body: Buffer, whole: Buffer): void {
    const suiteAt = 35 + (body[34] as number);
    assert.is(body.readUInt16BE(suiteAt), this.suite);
    if (body.subarray(2, 34).equals(RETRY)) {
      this.retried = true;
      this.transcript = concat(message(Type.messageHash, this.transcriptHash()), whole);
      this.group = body.readUInt16BE(body.length - 2);
      return;
    }
    this.transcript = concat(this.transcript, whole);
    const length = this.group === X25519 ? 32 : this.group === HYBRID ? 1120 : 65;
    this.deriveHandshake(this.share.agree(body.subarray(-length)));
    this.read = new Protection(this.suite, this.serverHandshake);
    this.write = new Protection(this.suite, this.clientHandshake);
  }

  /** The handshake up to where the client's second flight is due. */
  begin(): void {
    this.say(this.hello());
    this.hear();
    assert.ok(this.serverApplication.length > 0, "the server's flight came");
  }

  /** The client's second flight, message by message. */
  finish(credential: Credential): void {
    this.say(this.certificate(credential.chain));
    this.say(this.certificateVerify(credential.key.privateKey));
    this.say(this.finished());
    this.write = new Protection(this.suite, this.clientApplication);
  }

  /** Application data for the engine. */
  send(data: Uint8Array): void {
    this.feed(this.record(Content.data, data));
  }
}
