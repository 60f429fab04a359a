// Attacks on the memory that sessions share: by strangers, and by one principal on another. Each is named as in
// SECURITY.md.
import { Duplex } from "node:stream";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  decodeMessage,
  encodeMessage,
  FrameReader,
  frame,
  type Message,
  Status,
} from "../../host/transport-protocol/index.js";
import { ISOLATE_NAME } from "../../host/veracruz-client/isolate-identity.js";
import { connectTunnel } from "../../host/veracruz-client/tunnels.js";
import { testOn } from "../support/platforms.js";
import {
  exampleModule,
  principal,
  System,
  type TestAttestation,
  until,
} from "../support/system.js";

/** The longest TLSCiphertext (RFC 8446 §5.2) that holds no padding: content, its type, and the tag of ChaCha20-Poly1305. */
const RECORD_BYTES = 16_384 + 1 + 16;
/** What the sessions of one principal may hold together on a microcontroller. */
const SHARE_OF_DEVICE = 48 * 1024;

/** The head of a record, of which nothing else comes. */
const head = (type: number, length: number) => Buffer.from([type, 3, 3, length >> 8, length & 255]);

/** Bytes to and from the isolate, which can be held back and made up. */
class Line extends Duplex {
  private held: Buffer[] | undefined;
  /** Whether anything of TLS was sent. */
  begun = false;

  constructor(private readonly tunnel: Duplex) {
    super();
    tunnel.on("data", (bytes: Buffer) => this.push(bytes));
    tunnel.on("error", () => undefined);
    tunnel.on("close", () => this.destroy());
  }

  static async to(system: System): Promise<Line> {
    return new Line(await connectTunnel(system.address, 60_000));
  }

  override _read(): void {}

  override _write(bytes: Buffer, _encoding: string, done: () => void): void {
    if (this.held === undefined) {
      this.tunnel.write(bytes);
      this.begun = true;
    } else this.held.push(bytes);
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.tunnel.destroy();
    done(error);
  }

  /** Holds back what TLS says from now on. */
  hold(): void {
    this.held = [];
  }

  /** How many bytes are held back. */
  get heldBytes(): number {
    return Buffer.concat(this.held ?? []).length;
  }

  /** Sends what was held back at once, as one segment. */
  release(): void {
    this.tunnel.write(Buffer.concat(this.held ?? []));
    this.held = undefined;
  }

  /** Says something that TLS has not. */
  say(bytes: Buffer): void {
    this.tunnel.write(bytes);
  }
}

/** TLS of Node.js, as a principal: unlike the project's own it asks for no short records. */
async function open(system: System, name: string): Promise<{ line: Line; tls: TLSSocket }> {
  const { pem, keyPem } = principal(name);
  const line = await Line.to(system);
  const { caPem } = system.attestation;
  const tls = connectTls({
    ...{ socket: line, servername: ISOLATE_NAME, minVersion: "TLSv1.3" },
    ...{ cert: pem, key: keyPem, ca: caPem },
  });
  tls.on("error", () => undefined);
  await new Promise<void>((resolve, reject) => {
    tls.once("secureConnect", resolve);
    tls.once("close", () => reject(new Error("closed during the handshake")));
  });
  return { line, tls };
}

/** What principals and strangers try against the memory of the others. */
export function memoryAttacks(attestation: TestAttestation): void {
  const { platform } = attestation;
  const nop = exampleModule("nop");
  let system: System;
  test.before(async () => {
    system = await System.start({
      attestation,
      principals: { alice: "nop.wasm:w,output:r", mallory: "" },
      programs: { "nop.wasm": { module: nop, rights: "output:w" } },
      policy: { max_failed_runs: 1 },
      server: { sessionsPerMinute: 100_000 },
    });
  });
  test.after(() => system.stop());
  /** Why the isolate ended sessions: an attack that is refused at once shows nothing. */
  const refusals = () =>
    system
      .logged("session closed")
      .map(({ reason }) => String(reason))
      .filter((reason) => /refused/.test(reason));

  testOn(
    platform,
    "M2: records that strangers announce keep no run from its memory, and none is charged as failed",
    async () => {
      const strangers: Line[] = [];
      for (const answered of [false, true, true, true]) {
        const line = await Line.to(system);
        line.on("error", () => undefined).resume();
        strangers.push(line);
        if (!answered) {
          line.say(head(0x16, 0x1200));
          continue;
        }
        // A whole ClientHello, then no more than the head of a record of the second flight.
        const tls = connectTls({ socket: line, servername: ISOLATE_NAME, minVersion: "TLSv1.3" });
        tls.on("error", () => undefined);
        await until("ClientHello", () => line.begun);
        line.hold();
        line.say(head(0x17, RECORD_BYTES));
      }
      const alice = await system.connect("alice");
      await alice.sendProgram("nop.wasm", nop);
      assert.not.ok(refusals().length > 0, refusals().join(", "));
      assert.ok(
        strangers.some((line) => !line.destroyed),
        "strangers hold what they can",
      );
      await alice.read();
      assert.is((await alice.state()).failedRuns, 0);
      await alice.close();
      for (const line of strangers) line.destroy();
    },
  );

  testOn(
    platform,
    "M3: a principal that drains its memory of TLS has nobody else's input read later, or lost",
    async () => {
      const { boot } = (await system.health()).isolate;
      // All that it may hold on a device; on a computer, where that is 2 MiB, as much as eight sessions announce.
      const lengths =
        platform.kind === "linux"
          ? Array.from({ length: 8 }, () => RECORD_BYTES)
          : [RECORD_BYTES, RECORD_BYTES, SHARE_OF_DEVICE - 2 * RECORD_BYTES - 1000];
      const drains: { line: Line; tls: TLSSocket }[] = [];
      for (const _ of lengths) drains.push(await open(system, "mallory"));
      for (const [index, { line }] of drains.entries())
        line.say(head(0x17, lengths[index] as number));
      const victim = await open(system, "alice");
      const answers: string[] = [];
      const reader = new FrameReader(1 << 20);
      victim.tls.on("data", (bytes: Buffer) => {
        for (const each of reader.push(bytes)) {
          const answer = decodeMessage("principalResponse", each);
          assert.is(answer.status, Status.SUCCESS);
          answers.push(answer.type);
        }
      });
      // Two records with one segment: the second one waits while the first one is answered.
      const ask = (message: Message) => victim.tls.write(frame(encodeMessage(message)));
      for (let turn = 1; turn <= 20; turn++) {
        victim.line.hold();
        ask({ type: "requestState" });
        ask({ type: "requestPolicyHash" });
        await until("both are held back", () => victim.line.heldBytes > 2 * 22);
        victim.line.release();
        // Other frames of the server take the place of that one.
        for (const { line } of drains.slice(0, 1)) line.say(Buffer.alloc(64, 0x17));
        await until("both are answered", () => answers.length === 2 * turn);
      }
      assert.not.ok(
        drains.some(({ line }) => line.destroyed),
        `the memory stays drained: ${refusals().join(", ")}`,
      );
      assert.equal(answers, Array.from({ length: 20 }, () => ["state", "hash"]).flat());
      const { restarts, boot: after } = (await system.health()).isolate;
      assert.equal([restarts, after], [0, boot]);
      for (const { tls, line } of [...drains, victim]) {
        tls.destroy();
        line.destroy();
      }
      await (await system.connect("alice")).close();
    },
  );
}
