import { randomBytes } from "node:crypto";
import * as assert from "uvu/assert";
import type { Credential } from "./credentials.js";
import { HYBRID, P256, Protection, ScriptedPeer, Share, sha256, X25519 } from "./scripted-peer.js";
import {
  Content,
  concat,
  Ext,
  type Extensions,
  extension,
  extensionBlock,
  message,
  Type,
  u8,
  u16,
  vector8,
  vector16,
} from "./wire.js";

/** The fields of a ServerHello, each as its bytes. */
export interface ServerHelloFields {
  version: Buffer;
  random: Buffer;
  sessionId: Buffer;
  suite: Buffer;
  compression: Buffer;
  extensions: Extensions;
}

/** A server by script, for the engine in the client role. */
export class ScriptedServer extends ScriptedPeer {
  readonly isServer = true;
  share: Share = new Share(X25519);
  clientShare: Buffer = Buffer.alloc(0);
  clientSessionId: Buffer = Buffer.alloc(0);
  clientHello: Buffer = Buffer.alloc(0);
  /** The client's certificate message and what followed. */
  clientMessages: number[] = [];
  private shown: Buffer = Buffer.alloc(0);

  protected take(type: number, body: Buffer, whole: Buffer): void {
    this.clientMessages.push(type);
    if (type === Type.clientHello) {
      this.clientHello = Buffer.from(body);
      this.clientSessionId = this.clientHello.subarray(35, 67);
      const share = findShare(this.clientHello);
      this.group = share.group;
      this.clientShare = share.key;
      if (this.group === HYBRID) this.share = new Share(this.group, this.clientShare);
      else if (this.share.group !== this.group) this.share = new Share(this.group);
    } else if (type === Type.certificate) {
      this.shown = Buffer.from(ScriptedPeer.firstCertificate(body));
    } else if (type === Type.certificateVerify) {
      this.checkSignature(this.shown, body, false);
    } else if (type === Type.finished) {
      assert.ok(whole.equals(this.finished(this.clientHandshake)), "client's Finished");
      this.read = new Protection(this.suite, this.clientApplication);
    } else if (type === Type.keyUpdate) {
      this.read?.update();
      return;
    }
    this.transcript = concat(this.transcript, whole);
  }

  serverHello(changes: Partial<ServerHelloFields> = {}): Buffer {
    const { extensions, ...fields } = {
      version: u16(0x0303),
      random: randomBytes(32) as Buffer,
      sessionId: vector8(this.clientSessionId),
      suite: u16(this.suite),
      compression: u8(0),
      extensions: this.helloExtensions(),
      ...changes,
    };
    return message(Type.serverHello, concat(...Object.values(fields), extensionBlock(extensions)));
  }

  helloExtensions(): Extensions {
    return {
      supportedVersions: extension(Ext.supportedVersions, u16(0x0304)),
      keyShare: extension(Ext.keyShare, u16(this.share.group), vector16(this.share.publicKey)),
    };
  }

  /** A HelloRetryRequest for a group, and what becomes of the transcript. */
  retryRequest(changes: Partial<ServerHelloFields> = {}, group = P256): Buffer {
    return this.serverHello({
      random: sha256(Buffer.from("HelloRetryRequest")),
      extensions: {
        supportedVersions: extension(Ext.supportedVersions, u16(0x0304)),
        keyShare: extension(Ext.keyShare, u16(group)),
      },
      ...changes,
    });
  }

  sayRetry(request = this.retryRequest()): void {
    this.transcript = message(Type.messageHash, this.transcriptHash());
    this.say(request);
  }

  /** Sends a ServerHello and changes keys. */
  sayServerHello(hello = this.serverHello()): void {
    this.say(hello);
    this.changeKeys();
  }

  /** After ServerHello: the keys of the handshake. */
  changeKeys(): void {
    this.deriveHandshake(this.share.agree(this.clientShare));
    this.write = new Protection(this.suite, this.serverHandshake);
    this.read = new Protection(this.suite, this.clientHandshake);
  }

  encryptedExtensions(extensions: Extensions = {}): Buffer {
    return message(Type.encryptedExtensions, extensionBlock(extensions));
  }

  certificateRequest(
    extensions: Extensions = {
      signatureAlgorithms: extension(Ext.signatureAlgorithms, vector16(u16(0x0403))),
    },
    context: Uint8Array = Buffer.alloc(0),
  ): Buffer {
    return message(Type.certificateRequest, concat(vector8(context), extensionBlock(extensions)));
  }

  /** Sends Finished and takes the keys of application data for sending. */
  sayFinished(finished = this.finished()): void {
    this.say(finished);
    this.deriveApplication();
    this.write = new Protection(this.suite, this.serverApplication);
  }

  /** Everything from the ClientHello on that makes the client ask for approval. */
  begin(credential: Credential): void {
    this.hear();
    this.sayServerHello();
    this.say(this.encryptedExtensions());
    this.say(this.certificateRequest());
    this.say(this.certificate(credential.chain));
    this.say(this.certificateVerify(credential.key.privateKey));
    this.sayFinished();
  }

  send(data: Uint8Array): void {
    this.feed(this.record(Content.data, data));
  }
}

/** The first key share in a ClientHello's body. */
function findShare(body: Buffer): { group: number; key: Buffer } {
  let at = 34;
  at += 1 + (body[at] as number);
  at += 2 + body.readUInt16BE(at);
  at += 1 + (body[at] as number);
  const end = at + 2 + body.readUInt16BE(at);
  for (at += 2; at < end; at += 4 + body.readUInt16BE(at + 2)) {
    if (body.readUInt16BE(at) !== Ext.keyShare) continue;
    const length = body.readUInt16BE(at + 8);
    return { group: body.readUInt16BE(at + 6), key: body.subarray(at + 10, at + 10 + length) };
  }
  throw new Error("no key share in the ClientHello");
}
