/**
 * One fuzzing run: a handshake, and some data after it, between the engine and a scripted peer, in which
 * something goes wrong: messages changed before they are protected, records changed after, things left
 * out, repeated, put in, or cut. Whatever happens, what must always hold is checked.
 */
import { randomBytes } from "node:crypto";
import { Status, type TlsConfig, TlsSession } from "../../../host/session-manager/engine.js";
import { loadTlsEngine } from "../../../host/session-manager/load.js";
import { Random } from "../../support/random.js";
import {
  authority,
  clientCredential,
  identityOf,
  serverCredential,
  serverName,
} from "../support/credentials.js";
import { ScriptedClient } from "../support/scripted-client.js";
import { Protection, plainRecord, type ScriptedPeer } from "../support/scripted-peer.js";
import { ScriptedServer } from "../support/scripted-server.js";
import {
  Content,
  concat,
  Ext,
  extension,
  message,
  Type,
  u8,
  u16,
  vector8,
  vector16,
} from "../support/wire.js";
import { mutate, mutateMessage } from "./mutate.js";

const server = serverCredential();
const client = clientCredential();

/** What happened to the engine in a run, so that it can be done again byte for byte. */
export interface Recording {
  role: "server" | "client";
  seed: number;
  steps: { call: string; bytes?: string }[];
}

/** A finding: the run that led to it. */
export class Finding extends Error {
  constructor(
    message: string,
    readonly recording: Recording,
  ) {
    super(message);
  }
}

/** How runs ended, to see that they reach far. */
export interface Tally {
  runs: number;
  opened: number;
  closed: number;
  alerts: Map<number, number>;
}

export class Fuzzer {
  readonly tally: Tally = { runs: 0, opened: 0, closed: 0, alerts: new Map() };
  private randomness = new Random(1);
  private readonly engine = loadTlsEngine(
    {
      random: (buffer) => {
        buffer.set(this.randomness.bytes(buffer.length));
        return true;
      },
    },
    "testing/session-manager",
  );
  private readonly configs: Record<"server" | "client", TlsConfig[]>;

  constructor() {
    const both = (options: object) =>
      [{}, { recordSizeLimit: 256, maxContent: 200, outputLimit: 1, clock: false }].map((more) =>
        this.engine.configure({ ...options, ...more }),
      );
    this.configs = {
      server: both({ identity: identityOf(server) }),
      client: both({
        identity: identityOf(client),
        server: { authority: authority.certificate, name: serverName },
      }),
    };
  }

  /** Bytes of heap in use when no session is. */
  heapUsed(): number {
    this.engine.call("collect");
    return this.engine.call("heapUsed");
  }

  private open(role: "server" | "client", seed: number): [TlsConfig, TlsSession] {
    this.randomness = new Random(seed ^ 0x5bd1e995);
    const config = this.configs[role][seed & 1] as TlsConfig;
    this.engine.call("wipeRandomness", config.handle);
    config.setTime((seed & 1) === 0 ? Date.now() / 1000 : undefined);
    return [config, new TlsSession(this.engine, config.openHandle(role))];
  }

  /** One run. Throws a `Finding` where something that must hold does not. */
  run(seed: number): void {
    const random = new Random(seed);
    const role = random.pick(["server", "client"] as const);
    const [config, session] = this.open(role, seed);
    const watch = new Watch(session, { role, seed, steps: [] });
    try {
      if (role === "server") attackServer(watch, random);
      else attackClient(watch, random);
      watch.finish();
    } catch (error) {
      if (error instanceof Finding) throw error;
      if (error instanceof WebAssembly.RuntimeError)
        throw new Finding(`the engine trapped: ${error.message}`, watch.recording);
      throw error;
    }
    this.tally.runs++;
    if (watch.opened) this.tally.opened++;
    if (session.status === Status.closed) this.tally.closed++;
    const alert = session.alertSent ?? -1;
    this.tally.alerts.set(alert, (this.tally.alerts.get(alert) ?? 0) + 1);
    session.dispose();
    if (this.engine.call("budgetUsed", config.handle) !== 0)
      throw new Finding("a session left buffers behind", watch.recording);
  }

  /** Does to the engine what was recorded. */
  replay({ role, seed, steps }: Recording): void {
    const [, session] = this.open(role, seed);
    for (const { call, bytes } of steps) {
      if (call === "feed") session.feed(Buffer.from(bytes ?? "", "hex"));
      else if (call === "write") session.write(Buffer.from(bytes ?? "", "hex"));
      else if (call === "takeOutput") session.takeOutput();
      else if (call === "takePlaintext") session.takePlaintext();
      else if (call === "approvePeer") session.approvePeer();
      else if (call === "rejectPeer") session.rejectPeer();
      else if (call === "updateKeys") session.updateKeys(true);
      else if (call === "close") session.close();
      else if (call === "endOfInput") session.endOfInput();
      console.log(`${call} ${bytes ?? ""} → status ${session.status}, alert ${session.alertSent}`);
    }
    session.dispose();
  }
}

/** The engine's session, watched: every call is recorded, and what must hold is checked after it. */
class Watch {
  opened = false;
  private approved = false;
  private endedWith: string | undefined;

  constructor(
    readonly session: TlsSession,
    readonly recording: Recording,
  ) {}

  private fault(what: string): never {
    throw new Finding(what, this.recording);
  }

  private record(call: string, bytes?: Uint8Array): void {
    this.recording.steps.push(
      bytes === undefined ? { call } : { call, bytes: Buffer.from(bytes).toString("hex") },
    );
  }

  private check(): void {
    const { session } = this;
    if (session.status === Status.open) this.opened = true;
    if (this.opened && !this.approved) this.fault("open without approval");
    const state = `${session.status} ${session.alertSent} ${session.alertReceived}`;
    if (this.endedWith !== undefined && this.endedWith !== state)
      this.fault(`ended as ${this.endedWith}, then became ${state}`);
    if (session.ended) this.endedWith = state;
    if (session.status === Status.failed) {
      const reasons = [
        session.alertSent !== undefined,
        session.alertReceived !== undefined,
        session.truncated,
      ];
      if (reasons.filter(Boolean).length !== 1) this.fault(`failed for the reasons ${reasons}`);
    }
  }

  feed(bytes: Uint8Array): void {
    this.record("feed", bytes);
    const used = this.session.feed(bytes);
    this.check();
    if (used < bytes.length && this.session.wantsInput) this.fault("input was left for no reason");
    if (this.session.ended && used !== bytes.length) this.fault("an ended session left input");
  }

  takeOutput(): Uint8Array {
    this.record("takeOutput");
    const output = this.session.takeOutput();
    this.check();
    return output;
  }

  takePlaintext(): Uint8Array {
    this.record("takePlaintext");
    const plaintext = this.session.takePlaintext();
    if (plaintext.length > 0 && !this.opened) this.fault("plaintext before the session was open");
    this.check();
    return plaintext;
  }

  write(bytes: Uint8Array): void {
    this.record("write", bytes);
    if (this.session.write(bytes) > 0 && !this.opened) this.fault("wrote before it was open");
    this.check();
  }

  /** The caller's other calls. */
  call(name: "approvePeer" | "rejectPeer" | "updateKeys" | "close" | "endOfInput"): void {
    if (name === "approvePeer" && this.session.status === Status.approval) this.approved = true;
    this.record(name);
    if (name === "updateKeys") this.session.updateKeys(true);
    else this.session[name]();
    this.check();
  }

  /** Ends whatever is left, and looks at what an ended session does. */
  finish(): void {
    const { session } = this;
    if (!session.ended) this.call("endOfInput");
    if (!session.ended) this.call("close");
    this.takeOutput();
    this.feed(randomBytes(40));
    this.write(Buffer.from("late"));
    this.call("approvePeer");
    this.call("close");
    if (session.takeOutput().length > 0) this.fault("output after the end");
    if (session.takePlaintext().length > 0) this.fault("plaintext after the end");
  }
}

/** What a run does to the bytes on their way to the engine. */
class Attack {
  /** The message (by number) that is changed before it is protected, and the record changed after. */
  private readonly messageToChange: number;
  private readonly recordToChange: number;
  private readonly cuts: boolean;
  private messages = 0;
  private records = 0;

  constructor(
    private readonly watch: Watch,
    private readonly peer: ScriptedPeer,
    private readonly random: Random,
  ) {
    const kind = random.below(10);
    this.messageToChange = kind < 6 ? random.below(6) : -1;
    this.recordToChange = kind >= 6 && kind < 8 ? random.below(8) : -1;
    this.cuts = random.below(3) === 0;
    // The peer's bytes take the same way.
    peer.feed = (bytes) => this.deliver(Buffer.from(bytes));
  }

  /** A handshake message of the peer, perhaps changed, left out, repeated or replaced. */
  say(whole: Buffer): void {
    const { random, peer } = this;
    let sent = whole;
    if (this.messages++ === this.messageToChange) {
      const kind = random.below(12);
      if (kind === 0) return;
      if (kind === 1) peer.say(whole);
      else if (kind === 2) sent = message(random.below(32), random.bytes(random.below(80)));
      else sent = mutateMessage(whole, random);
    }
    this.saySomehow(sent);
  }

  /** In one record, or several, or with padding; within the smaller limit that half of the runs set. */
  private saySomehow(sent: Buffer): void {
    const { random, peer } = this;
    const keys = peer.write;
    const largest = keys !== undefined && random.below(20) > 0 ? 200 : 16384;
    const kind = random.below(6);
    peer.transcript = concat(peer.transcript, sent);
    const first = kind === 0 && sent.length > 1 ? 1 + random.below(sent.length - 1) : sent.length;
    for (const part of [sent.subarray(0, first), sent.subarray(first)])
      for (let at = 0; at < part.length; at += largest) {
        const content = part.subarray(at, at + largest);
        peer.feed(
          kind === 1 && keys !== undefined
            ? keys.seal(Content.handshake, content, random.below(50))
            : peer.record(Content.handshake, content),
        );
      }
  }

  private deliver(record: Buffer): void {
    const { random, watch } = this;
    let bytes = record;
    if (this.records++ === this.recordToChange) {
      const kind = random.below(8);
      if (kind === 0) return;
      if (kind === 1) watch.feed(bytes);
      else if (kind === 2) watch.feed(this.stray());
      else bytes = mutate(bytes, random);
    }
    if (!this.cuts) {
      watch.feed(bytes);
      return;
    }
    for (let at = 0; at < bytes.length; ) {
      const size = 1 + random.below(64);
      watch.feed(bytes.subarray(at, at + size));
      at += size;
    }
  }

  /** A record that nobody waits for. */
  stray(): Buffer {
    const { random, peer } = this;
    const type = random.pick([20, 21, 22, 23, 24, random.below(256)]);
    const content = random.pick([
      u8(1),
      Buffer.from([1, 0]),
      Buffer.from([2, random.below(256)]),
      message(random.below(32), random.bytes(random.below(40))),
      random.bytes(random.below(300)),
    ]);
    if (random.below(2) === 0 || peer.write === undefined) return plainRecord(type, content);
    return random.below(4) === 0
      ? peer.write.sealInner(random.bytes(1 + random.below(60)))
      : peer.write.seal(type, content, random.below(20));
  }
}

/** Reads what the engine sent. What the peer cannot make sense of ends its part, not the run. */
function listen(peer: ScriptedPeer, random: Random): boolean {
  if (random.below(30) === 0) return true; // not now
  try {
    peer.hear();
    return true;
  } catch {
    return false;
  }
}

function attackServer(watch: Watch, random: Random): void {
  const session = proxied(watch);
  const peer = new ScriptedClient(session, random.pick([0x1303, 0x1301]), random.pick([29, 23]));
  const attack = new Attack(watch, peer, random);
  if (random.below(50) === 0) watch.call("close");
  const extras: Record<string, Buffer | undefined> = {};
  if (random.below(3) === 0)
    extras.limit = extension(Ext.recordSizeLimit, u16(64 + random.below(300)));
  if (random.below(8) === 0) extras.early = extension(Ext.earlyData);
  const retry = random.below(4) === 0;
  if (retry) {
    attack.say(peer.helloWith({ ...extras, keyShare: extension(Ext.keyShare, vector16()) }));
    if (!listen(peer, random)) return;
    if (peer.share.group !== peer.group) return;
    delete extras.early;
  }
  attack.say(peer.helloWith(extras));
  if (random.below(4) === 0) watch.feed(plainRecord(20, u8(1)));
  if (!listen(peer, random) || peer.write === undefined) return;
  attack.say(peer.certificate(client.chain));
  attack.say(peer.certificateVerify(client.key.privateKey));
  attack.say(peer.finished());
  peer.write = new Protection(peer.suite, peer.clientApplication);
  approve(watch, random);
  converse(watch, peer, attack, random);
}

function attackClient(watch: Watch, random: Random): void {
  const session = proxied(watch);
  const peer = new ScriptedServer(session);
  const attack = new Attack(watch, peer, random);
  peer.suite = random.pick([0x1303, 0x1301]);
  if (!listen(peer, random) || peer.clientShare.length === 0) return;
  if (random.below(4) === 0) {
    peer.transcript = message(Type.messageHash, peer.transcriptHash());
    attack.say(peer.retryRequest());
    if (!listen(peer, random)) return;
  }
  attack.say(peer.serverHello());
  if (random.below(4) === 0) watch.feed(plainRecord(20, u8(1)));
  try {
    peer.changeKeys();
  } catch {
    return;
  }
  attack.say(
    peer.encryptedExtensions(
      random.below(3) === 0
        ? { limit: extension(Ext.recordSizeLimit, u16(64 + random.below(300))) }
        : {},
    ),
  );
  if (random.below(2) === 0) attack.say(peer.certificateRequest());
  attack.say(peer.certificate(server.chain));
  attack.say(peer.certificateVerify(server.key.privateKey));
  attack.say(peer.finished());
  peer.deriveApplication();
  peer.write = new Protection(peer.suite, peer.serverApplication);
  approve(watch, random);
  if (!listen(peer, random)) return;
  converse(watch, peer, attack, random);
}

/** The engine's session as the scripted peer sees it: through the watch. */
function proxied(watch: Watch): TlsSession {
  return {
    feed: (bytes: Uint8Array) => watch.feed(bytes),
    takeOutput: () => watch.takeOutput(),
  } as unknown as TlsSession;
}

function approve(watch: Watch, random: Random): void {
  if (random.below(20) === 0) watch.call("rejectPeer");
  else watch.call("approvePeer");
}

/** Data, KeyUpdates, tickets, alerts and strays after the handshake, and calls of the caller's. */
function converse(watch: Watch, peer: ScriptedPeer, attack: Attack, random: Random): void {
  for (let turns = random.below(8); turns > 0 && !watch.session.ended; turns--) {
    const keys = peer.write as Protection;
    switch (random.below(10)) {
      case 0:
      case 1:
        peer.feed(
          keys.seal(
            Content.data,
            random.bytes(random.below(random.below(8) === 0 ? 500 : 240)),
            random.below(10),
          ),
        );
        break;
      case 2:
        peer.feed(keys.seal(Content.handshake, message(Type.keyUpdate, u8(random.below(2)))));
        keys.update();
        break;
      case 3:
        peer.feed(
          keys.seal(Content.handshake, mutateMessage(message(Type.keyUpdate, u8(1)), random)),
        );
        break;
      case 4: {
        const ticket = message(
          Type.newSessionTicket,
          concat(Buffer.alloc(8), vector8(u8(0)), vector16(random.bytes(50)), vector16()),
        );
        peer.feed(
          keys.seal(
            Content.handshake,
            random.below(2) === 0 ? ticket : mutateMessage(ticket, random),
          ),
        );
        break;
      }
      case 5:
        watch.feed(attack.stray());
        break;
      case 6:
        watch.write(random.bytes(random.below(2000)));
        break;
      case 7:
        watch.call("updateKeys");
        break;
      case 8:
        if (random.below(4) === 0) watch.call("close");
        break;
      default:
        if (random.below(4) === 0) peer.feed(keys.seal(Content.alert, Buffer.from([1, 0])));
    }
    watch.takePlaintext();
    if (!listen(peer, random)) return;
  }
}
