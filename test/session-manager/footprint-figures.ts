/** Measures what the session manager takes: bytes of WebAssembly, and of memory for each session. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { projectRoot } from "../../host/common/paths.js";
import { type ConfigOptions, Status, type TlsSession } from "../../host/session-manager/engine.js";
import { loadTlsEngine } from "../../host/session-manager/load.js";
import {
  basicConstraints,
  extension as certificateExtension,
  dnsNames,
} from "../x509/support/certificates.js";
import {
  authority,
  type Credential,
  clientCredential,
  identityOf,
  serverCredential,
  serverName,
} from "./support/credentials.js";
import { ScriptedClient } from "./support/scripted-client.js";
import { type Protection, plainRecord, type ScriptedPeer } from "./support/scripted-peer.js";
import { ScriptedServer } from "./support/scripted-server.js";
import { Content, concat, Ext, extension, u16 } from "./support/wire.js";

const entries = {
  "server and client": "assembly/session-manager/exports.ts",
  "server alone": "assembly/testing/footprint/tls-server.ts",
  "client alone": "assembly/testing/footprint/tls-client.ts",
} as const;

/** Bytes of WebAssembly of the session manager with all its cryptography, built as the runtime is. */
export function moduleSizes(): { [name in keyof typeof entries]: number } {
  const folder = mkdtempSync(join(tmpdir(), "veracruz-footprint-"));
  const out = join(folder, "module.wasm");
  const size = (entry: string): number => {
    execFileSync(
      join(projectRoot, "node_modules/.bin/asc"),
      [entry, "--config", "assembly/asconfig.json", "--target", "runtime", "--outFile", out],
      { cwd: projectRoot, stdio: ["ignore", "ignore", "pipe"] },
    );
    return statSync(out).size;
  };
  try {
    return {
      "server and client": size(entries["server and client"]),
      "server alone": size(entries["server alone"]),
      "client alone": size(entries["client alone"]),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Sessions measured at once: what is theirs grows with their number, what is shared does not. */
const SESSIONS = 16;

export interface MemoryFigures {
  /** Bytes of an established session that is idle. */
  idle: number;
  /** The most that a session held at any time in its handshake. */
  handshake: number;
  /** The most that one call took on top of that, and gave back: all sessions share it. */
  working: number;
}

/** The peer: as our own stack behaves, or as greedily as the limit on records lets it. */
export interface Behaviour {
  recordSizeLimit: number;
  greedy: boolean;
}

const server = serverCredential();
const client = clientCredential();
/** Certificate messages near the longest that is taken (4,608 bytes). */
const filler = (length: number) => certificateExtension("1.2.3.4", Buffer.alloc(length));
const greedyServer = serverCredential({ extensions: [dnsNames(serverName), filler(3850)] });
const greedyClient = clientCredential("greedy", {
  extensions: [basicConstraints(true), filler(4280)],
});

/** Module instance, sessions of one role in it, and a peer for each. All are led in step. */
class Measurement<Peer extends ScriptedPeer> {
  readonly peers: Peer[] = [];
  private readonly engine = loadTlsEngine({}, "testing/session-manager");
  private readonly sessions: TlsSession[] = [];
  private readonly before: number;
  private peak = 0;
  private working = 0;

  constructor(
    role: "server" | "client",
    options: ConfigOptions,
    private readonly behaviour: Behaviour,
    peerOf: (session: TlsSession) => Peer,
  ) {
    const config = this.engine.configure({
      outputLimit: 1,
      recordSizeLimit: behaviour.recordSizeLimit,
      ...options,
    });
    // The first session makes tables that stay.
    config.open(role).dispose();
    this.before = this.used();
    this.sessions = Array.from({ length: SESSIONS }, () => config.open(role));
    this.peers = this.sessions.map(peerOf);
    this.note();
  }

  private used(): number {
    this.engine.call("collect");
    return this.engine.call("heapUsed");
  }

  private perSession(): number {
    return Math.round((this.used() - this.before) / SESSIONS);
  }

  private note(): void {
    this.peak = Math.max(this.peak, this.perSession());
  }

  /** Reads what all sessions have sent. */
  hear(): void {
    for (const peer of this.peers) peer.hear();
    this.note();
  }

  /** Feeds each session records; after the first byte, the last but one, and the last, takes note. */
  feed(build: (peer: Peer) => Buffer[]): void {
    const records = this.peers.map(build);
    for (let i = 0; i < (records[0]?.length ?? 0); i++)
      for (const piece of [0, 1, 2]) {
        this.engine.call("collect");
        this.engine.call("paintFree");
        for (const [p, peer] of this.peers.entries()) {
          const record = records[p]?.[i] as Buffer;
          const cuts = [0, 1, record.length - 1, record.length];
          peer.feed(record.subarray(cuts[piece], cuts[piece + 1]));
          // One session's call is enough to show what a call takes.
          if (p === 0) this.working = Math.max(this.working, this.engine.call("paintLost"));
        }
        this.note();
      }
  }

  /** A handshake message in records: one, or as long ones as the limit allows. */
  say(build: (peer: Peer) => Buffer): void {
    this.feed((peer) => {
      const whole = build(peer);
      peer.transcript = concat(peer.transcript, whole);
      const keys = peer.write;
      if (keys === undefined) return [plainRecord(Content.handshake, whole)];
      return this.behaviour.greedy
        ? fullRecords(keys, whole, this.behaviour.recordSizeLimit - 1)
        : [keys.seal(Content.handshake, whole)];
    });
  }

  /** The peers' authentication messages. */
  authenticate(credential: Credential): void {
    this.say((peer) => peer.certificate(credential.chain));
    this.say((peer) => peer.certificateVerify(credential.key.privateKey));
    this.say((peer) => peer.finished());
  }

  /** Approves all, and looks at what is left. */
  figures(): MemoryFigures {
    for (const { status, alertSent } of this.sessions)
      if (status !== Status.approval)
        throw new Error(`handshake failed: status ${status}, alert ${alertSent}`);
    for (const session of this.sessions) session.approvePeer();
    this.hear();
    const { peak: handshake, working } = this;
    const idle = this.perSession();
    for (const session of this.sessions) session.dispose();
    // Beside its place in the table of handles.
    if (this.perSession() > 8) throw new Error(`${this.perSession()} bytes left by each session`);
    return { idle, handshake, working };
  }
}

/** A message in two records at least, so that it must be put together; each padded to the limit. */
function fullRecords(keys: Protection, whole: Buffer, limit: number): Buffer[] {
  const records: Buffer[] = [];
  for (let at = 0; at < whole.length; ) {
    const size = Math.min(limit, at === 0 ? whole.length - 1 : whole.length - at);
    const content = whole.subarray(at, at + size);
    records.push(keys.seal(Content.handshake, content, limit - size));
    at += size;
  }
  return records;
}

export function serverMemory(behaviour: Behaviour): MemoryFigures {
  const run = new Measurement(
    "server",
    { identity: identityOf(server) },
    behaviour,
    (session) => new ScriptedClient(session),
  );
  run.say((peer) =>
    peer.helloWith({ limit: extension(Ext.recordSizeLimit, u16(behaviour.recordSizeLimit)) }),
  );
  run.hear();
  run.authenticate(behaviour.greedy ? greedyClient : client);
  return run.figures();
}

export function clientMemory(behaviour: Behaviour): MemoryFigures {
  const run = new Measurement(
    "client",
    {
      identity: identityOf(client),
      server: { authority: authority.certificate, name: serverName },
    },
    behaviour,
    (session) => new ScriptedServer(session),
  );
  run.hear();
  run.say((peer) => peer.serverHello());
  for (const peer of run.peers) peer.changeKeys();
  run.say((peer) =>
    peer.encryptedExtensions({
      limit: extension(Ext.recordSizeLimit, u16(behaviour.recordSizeLimit)),
    }),
  );
  run.say((peer) => peer.certificateRequest());
  run.authenticate(behaviour.greedy ? greedyServer : server);
  for (const peer of run.peers) peer.deriveApplication();
  return run.figures();
}

/** The bars of this component. */
export const bars = {
  modules: { "server and client": 72 * 1024, "server alone": 60 * 1024, "client alone": 60 * 1024 },
  idle: 4 * 1024,
  handshake: { 4096: 12 * 1024, 16385: 28 * 1024 },
} as const;
