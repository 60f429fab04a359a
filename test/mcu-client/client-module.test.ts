// Which isolates the MCU client's module refuses to speak to: the module itself, in V8, against an
// attacker who ends TLS with whatever certificate it is given.
import { createPublicKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  VC_E_CHAIN,
  VC_E_COMMIT,
  VC_E_CONFIGURATION,
  VC_E_FRESHNESS,
  VC_E_HTTP,
  VC_E_KIND,
  VC_E_LIFECYCLE,
  VC_E_NOT_READY,
  VC_E_POLICY_HASH,
  VC_E_RESTART,
  VC_E_RUNTIME_HASH,
  VC_E_VERSION,
} from "../../assembly/mcu-client/codes.js";
import { KIND_LINUX, KIND_MCU } from "../../assembly/mcu-client/isolate-kinds.js";
import {
  STEP_CONNECT,
  STEP_PAUSE,
  STEP_RECEIVE,
  STEP_SEND,
  STEP_WORK,
} from "../../assembly/mcu-client/steps.js";
import { SUITE_CHACHA20_POLY1305 } from "../../assembly/session-manager/protocol.js";
import { wasmPath } from "../../host/common/paths.js";
import { commitPayload, refusalPayload } from "../../host/continuity/commit-statement.js";
import {
  type StatementContent,
  statementPayload,
} from "../../host/proxy-attestation-server/statement.js";
import { Status, type TlsSession } from "../../host/session-manager/engine.js";
import { loadTlsEngine } from "../../host/session-manager/load.js";
import {
  decodeMessage,
  encodeMessage,
  FrameReader,
  frame,
  type Message,
  type MessageIn,
} from "../../host/transport-protocol/index.js";
import { REATTESTATION_EXPORTER_LABEL } from "../../host/transport-protocol/labels.js";
import { OID_COMMIT_SERVICE, OID_VERIFICATION_SERVICE } from "../../host/x509/certificate.js";
import { der, makeCertificate, type TestCertificate } from "../support/certificates.js";
import { commitBy, freshnessBy, signed } from "../support/statements.js";
import {
  type IsolateCertificateOptions,
  isolateCertificate,
  isolateExtensions,
} from "../veracruz-client/impostor.js";

const authority = makeCertificate({ commonName: "Test CA", ca: true });
const principal = makeCertificate({ commonName: "alice" });
const runtimeHash = Buffer.alloc(32, 0x11);
const policyHash = Buffer.alloc(32, 0x22);
const scopeHash = Buffer.alloc(32, 0x33);
const policyAndScope = Buffer.concat([policyHash, scopeHash]);
const good: IsolateCertificateOptions = {
  issuer: authority,
  runtimeHash,
  kind: "mcu",
  policyAndScope,
};
const scalar = ({ privateKey }: TestCertificate) =>
  Buffer.from(privateKey.export({ format: "jwk" }).d as string, "base64url");

const engine = loadTlsEngine();

interface Demand {
  /** Kind (`KIND_…`) and hash that the policy names. */
  runtimes?: [kind: number, hash: Uint8Array][];
  allowDevelopment?: boolean;
  /** Seconds since 1970; absent: no clock. */
  now?: number;
  /** How many isolates the policy allows. */
  most?: number;
  /** The one restart that the owner accepts. */
  acceptRestart?: number;
  /** Components with their least versions. */
  minima?: string;
}

/** The module, configured, with a caller that carries bytes to and from the attacker. */
class Client {
  private readonly call: (name: string, ...args: number[]) => number;
  private readonly memory: () => Uint8Array;
  /** Bytes of an answer that it gets at once. */
  cut = 100;

  constructor(demand: Demand) {
    const module = new WebAssembly.Module(readFileSync(wasmPath("client")));
    const instance = new WebAssembly.Instance(module, {
      platform: {
        random: (pointer: number, length: number) => {
          crypto.getRandomValues(this.memory().subarray(pointer, pointer + length));
          return 0;
        },
        memoryLimit: () => 1 << 20,
      },
    });
    const exports = instance.exports as Record<string, (...args: number[]) => number> & {
      memory: WebAssembly.Memory;
    };
    this.memory = () => new Uint8Array(exports.memory.buffer);
    this.call = (name, ...args) => (exports[name] as (...args: number[]) => number)(...args);
    this.call("_initialize");
    const give = (name: string, bytes: Uint8Array, ...args: number[]) => {
      this.put(bytes);
      assert.is(this.call(name, ...args, ...(args.length > 0 ? [] : [bytes.length])) || 0, 0, name);
    };
    give("setHost", Buffer.from("server"));
    give("setAuthority", authority.der);
    const identity = Buffer.concat([scalar(principal), principal.der]);
    give("setIdentity", identity, identity.length, 0);
    give("setPolicy", policyAndScope, demand.most ?? 1);
    this.call("setAcceptedRestart", demand.acceptRestart ?? 0);
    for (const [kind, hash] of demand.runtimes ?? [[KIND_MCU, runtimeHash]])
      give("setRuntimeHash", hash, kind);
    this.put(Buffer.from(demand.minima ?? ""));
    assert.is(this.call("setMinimumVersions", demand.minima?.length ?? 0), 0);
    this.call("setAllowDevelopment", demand.allowDevelopment ? 1 : 0);
    this.call("setSuite", SUITE_CHACHA20_POLY1305);
    if (demand.now !== undefined)
      this.call("setTime", demand.now >>> 0, Math.floor(demand.now / 2 ** 32));
  }

  private put(bytes: Uint8Array): void {
    this.memory().set(bytes, this.call("buffer"));
  }

  /** The least versions of components: 0, or the code of what is wrong with the text. */
  setMinima(text: string): number {
    this.put(Buffer.from(text, "latin1"));
    return this.call("setMinimumVersions", text.length);
  }

  /** Accepts one restart. */
  accept(n: number): void {
    this.call("setAcceptedRestart", n);
  }

  /** Opens a session with the server, and closes it; returns the failure's code, or 0 when it was open. */
  connect(server: Attacker): number {
    assert.is(this.call("open"), 0);
    const code = this.drive(server);
    if (code === 0) {
      this.call("close");
      this.drive(server);
    }
    return code;
  }

  private drive(server: Attacker): number {
    let input: Buffer = Buffer.alloc(0);
    for (let steps = 0; steps < 200_000; steps++) {
      const step = this.call("step");
      if (step === STEP_CONNECT) this.call("connected");
      else if (step === STEP_SEND) {
        const [at, length] = [this.call("output"), this.call("outputLength")];
        server.request += Buffer.from(this.memory().slice(at, at + length)).toString("latin1");
        this.call("sent", length);
      } else if (step === STEP_RECEIVE) {
        if (input.length === 0) input = server.answer();
        const piece = input.subarray(0, this.cut);
        this.put(piece);
        input = input.subarray(this.call("receive", 0, piece.length));
      } else if (step === STEP_WORK) this.call("work");
      else if (step === STEP_PAUSE) this.call("poll");
      else return this.call("failure");
    }
    throw new Error("no end");
  }
}

/** What the attacker says instead of what a genuine isolate would. */
interface Says {
  /** A statement, or the status of a refusal. */
  commit?: Uint8Array | number;
  /** A statement made of the right content; absent: none. */
  freshness?: (fresh: StatementContent) => Uint8Array;
}

const publicKeyOf = ({ privateKey }: TestCertificate) =>
  new Uint8Array(createPublicKey(privateKey).export({ type: "spki", format: "der" }));

const freshContent = (publicKey: Uint8Array) => ({
  nonce: new Uint8Array(32),
  publicKey,
  policyHash: new Uint8Array(policyHash),
  exporter: new Uint8Array(32),
  kind: "mcu" as const,
  lifecycle: 0x3000,
  runtimeHash: new Uint8Array(runtimeHash),
  instanceId: Uint8Array.of(1, ...new Uint8Array(32)),
  highest: 1,
});

/** A Veracruz server that ends TLS itself. */
class Attacker {
  /** Makes another body of the one that is right. */
  spoil = (text: string) => text;
  /** Bytes of a chunk of the body; absent: it has a length. */
  chunk?: number;
  /** What came of a POST and was not answered yet. */
  request = "";
  /** Types of the requests that came in TLS. */
  readonly requests: string[] = [];
  private readonly session: TlsSession;
  private readonly frames = new FrameReader(100_000);

  constructor(
    private readonly certificate: TestCertificate,
    private readonly says: Says = {},
    others: readonly TestCertificate[] = [authority],
  ) {
    const chain = [certificate, ...others].map((each) => each.der);
    const identity = { privateKey: scalar(certificate), chain };
    this.session = engine.configure({ identity }).open("server");
  }

  /** What a genuine isolate would answer, or what the attacker says instead. */
  private respond(request: MessageIn<"principalRequest">): Message {
    const publicKey = publicKeyOf(this.certificate);
    if (request.type === "commit") {
      const statement =
        this.says.commit ?? commitBy(authority, { policyHash, scopeHash, publicKey });
      if (statement instanceof Uint8Array) return { type: "committed", status: 0, statement };
      return { type: "outcome", status: statement, returnCode: 0, text: "" };
    }
    if (request.type === "requestFreshness") {
      const exporter = this.session.exportKeyingMaterial(REATTESTATION_EXPORTER_LABEL);
      const fresh = { ...freshContent(publicKey), nonce: request.nonce };
      if (exporter !== undefined) fresh.exporter = new Uint8Array(exporter);
      const statement = this.says.freshness?.(fresh);
      if (statement === undefined)
        return { type: "outcome", status: 2, returnCode: 0, text: "none" };
      return { type: "freshness", status: 0, statement };
    }
    return { type: "outcome", status: 0, returnCode: 0, text: "" };
  }

  /** Answers the POST. */
  answer(): Buffer {
    const [, body = ""] = this.request.split("\r\n\r\n");
    const [, base64 = ""] = body.split(" ");
    this.request = "";
    let bytes: Uint8Array = Buffer.from(base64, "base64");
    while (bytes.length > 0) {
      bytes = bytes.subarray(this.session.feed(bytes));
      if (this.session.status === Status.approval) this.session.approvePeer();
      for (const request of this.frames.push(Buffer.from(this.session.takePlaintext()))) {
        const message = decodeMessage("principalRequest", request);
        this.requests.push(message.type);
        this.session.write(frame(encodeMessage(this.respond(message))));
      }
    }
    const output = Buffer.from(this.session.takeOutput()).toString("base64");
    const text = this.spoil(output === "" ? "7" : `7 ${output}`);
    if (this.chunk === undefined)
      return Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${text}`);
    const chunks = (text.match(new RegExp(`.{1,${this.chunk}}`, "gs")) ?? []).map(
      (part) => `${part.length.toString(16)}\r\n${part}\r\n`,
    );
    return Buffer.from(
      `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunks.join("")}0\r\n\r\n`,
    );
  }
}

const TODAY = Math.floor(Date.now() / 1000);

function attempt(
  certificate: TestCertificate,
  demand: Demand = { now: TODAY },
  says: Says = {},
  client = new Client(demand),
): { code: number; requests: string[] } {
  const server = new Attacker(certificate, says);
  return { code: client.connect(server), requests: server.requests };
}

test("a certificate that keeps every rule, and the commit to its key: the session is open", () => {
  const { code, requests } = attempt(isolateCertificate(good));
  assert.is(code, 0);
  assert.equal(requests, ["commit"]);
});

test("a certificate by an intermediate of the CA: nothing is sent", () => {
  const intermediate = makeCertificate({ commonName: "Between", ca: true, issuer: authority });
  const certificate = isolateCertificate({ ...good, issuer: intermediate });
  for (const others of [[intermediate], [intermediate, authority], [authority, intermediate]]) {
    const server = new Attacker(certificate, {}, others);
    assert.is(new Client({ now: TODAY }).connect(server), VC_E_CHAIN);
    assert.equal(server.requests, []);
  }
  // Nor one that the CA has issued, beside one that is of no use.
  const server = new Attacker(isolateCertificate(good), {}, [intermediate]);
  assert.is(new Client({ now: TODAY }).connect(server), VC_E_CHAIN);
  const alone = new Attacker(isolateCertificate(good), {}, []);
  assert.is(new Client({ now: TODAY }).connect(alone), 0);
});

test("a certificate of another policy or scope: nothing is sent", () => {
  for (const bent of [
    Buffer.concat([Buffer.alloc(32, 0x23), scopeHash]),
    Buffer.concat([policyHash, Buffer.alloc(32, 0x23)]),
  ]) {
    const certificate = isolateCertificate({ ...good, policyAndScope: bent });
    assert.equal(attempt(certificate), { code: VC_E_POLICY_HASH, requests: [] });
  }
});

test("nothing is sent to an isolate that shows no commit of the computation to its very key", () => {
  const certificate = isolateCertificate(good);
  const publicKey = publicKeyOf(certificate);
  const subject = { policyHash, scopeHash, publicKey };
  const otherKey = publicKeyOf(isolateCertificate(good));
  const stranger = makeCertificate({ commonName: "Test CA", ca: true });
  const right = commitBy(authority, subject);
  const year = 365 * 86_400_000;
  const cases: [string, Uint8Array | number, number][] = [
    ["nobody has had it committed", 2, VC_E_NOT_READY],
    ["another refusal", 3, VC_E_COMMIT],
    ["nothing", new Uint8Array(0), VC_E_COMMIT],
    ["another key", commitBy(authority, { ...subject, publicKey: otherKey }), VC_E_COMMIT],
    ["another policy", commitBy(authority, { ...subject, policyHash: scopeHash }), VC_E_COMMIT],
    ["another scope", commitBy(authority, { ...subject, scopeHash: policyHash }), VC_E_COMMIT],
    ["isolate 2 where one is allowed", commitBy(authority, subject, { n: 2, of: 2 }), VC_E_COMMIT],
    ["isolate 0", commitBy(authority, subject, { n: 0, of: 1 }), VC_E_COMMIT],
    ["another CA of the same name", commitBy(stranger, subject), VC_E_COMMIT],
    ["a key of last year", commitBy(authority, subject, {}, Date.now() - year), VC_E_COMMIT],
    [
      "a key for another purpose",
      signed(authority, OID_VERIFICATION_SERVICE, commitPayload(subject, { n: 1, of: 1 }, 1)),
      VC_E_COMMIT,
    ],
    [
      "a refusal",
      signed(authority, OID_COMMIT_SERVICE, refusalPayload(subject, 1, 1, 1)),
      VC_E_COMMIT,
    ],
    ["a byte more", Buffer.concat([right, Buffer.of(0)]), VC_E_COMMIT],
  ];
  for (const [name, commit, expected] of cases) {
    const { code, requests } = attempt(certificate, { now: TODAY }, { commit });
    assert.is(code, expected, name);
    assert.equal(requests, ["commit"], name);
  }
  for (let i = 0; i < right.length; i += 7) {
    const commit = Uint8Array.from(right);
    commit[i] = (commit[i] as number) ^ 1;
    assert.is(attempt(certificate, { now: TODAY }, { commit }).code, VC_E_COMMIT, `byte ${i}`);
  }
});

test("a client goes to the isolate that it has gone to, and to the one restart that it is told", () => {
  const first = isolateCertificate(good);
  const second = isolateCertificate(good);
  const commitOf = (certificate: TestCertificate, n: number) =>
    commitBy(
      authority,
      { policyHash, scopeHash, publicKey: publicKeyOf(certificate) },
      { n, of: 3 },
    );
  const demand = { now: TODAY, most: 3 };
  const client = new Client(demand);
  const go = (certificate: TestCertificate, n: number) =>
    attempt(certificate, demand, { commit: commitOf(certificate, n) }, client).code;
  assert.is(go(first, 1), 0);
  assert.is(go(first, 1), 0, "a session that was lost");
  assert.is(go(second, 2), VC_E_RESTART, "attack: the isolate was reset");
  assert.is(go(second, 1), VC_E_RESTART, "another key under the same number");
  client.accept(2);
  assert.is(go(second, 3), VC_E_RESTART, "that one only");
  assert.is(go(second, 2), 0);
  assert.is(go(second, 2), 0);
  client.accept(1);
  assert.is(go(first, 1), VC_E_RESTART, "never back");
});

test("each certificate that breaks a rule is refused with its code, and nothing is sent", () => {
  const stranger = makeCertificate({ commonName: "Test CA", ca: true });
  const now = Math.floor(Date.now() / 1000);
  const day = 86_400_000;
  const at = (milliseconds: number) => new Date(Date.now() + milliseconds);
  const cases: [string, IsolateCertificateOptions, number, Demand?][] = [
    ["another CA of the same name", { ...good, issuer: stranger }, VC_E_CHAIN],
    ["no CA at all", { runtimeHash, kind: "mcu", policyAndScope }, VC_E_CHAIN],
    ["another name", { ...good, dnsName: "example.org" }, VC_E_CHAIN],
    ["a CA's certificate", { ...good, ca: true }, VC_E_CHAIN],
    ["expired", { ...good, notBefore: at(-2 * day), notAfter: at(-day) }, VC_E_CHAIN, { now }],
    ["not valid yet", { ...good, notBefore: at(day), notAfter: at(2 * day) }, VC_E_CHAIN, { now }],
    ["no runtime hash and no kind", { ...good, extensions: [] }, VC_E_KIND],
    ["a kind that nobody knows", { ...good, kind: "sgx" }, VC_E_KIND],
    ["a kind that the policy does not name", { ...good, kind: "linux" }, VC_E_KIND],
    ["another runtime", { ...good, runtimeHash: Buffer.alloc(32, 7) }, VC_E_RUNTIME_HASH],
    [
      "the hash of the other kind",
      good,
      VC_E_RUNTIME_HASH,
      {
        runtimes: [
          [KIND_LINUX, runtimeHash],
          [KIND_MCU, Buffer.alloc(32, 9)],
        ],
      },
    ],
    ["development grade", { ...good, lifecycle: 0x4000 }, VC_E_LIFECYCLE],
  ];
  for (const [name, options, expected, demand] of cases) {
    const { code, requests } = attempt(isolateCertificate(options), demand);
    assert.is(code, expected, name);
    assert.equal(requests, [], name);
  }
});

test("an isolate whose components are older than the policy wants, or who does not say, gets nothing", () => {
  const saying = (...versions: [string, string][]) => isolateCertificate({ ...good, versions });
  const cases: [string, TestCertificate, boolean][] = [
    ["ARoT 1.2", saying(["ARoT", "1.2"]), true],
    ["ARoT 1.2", saying(["ARoT", "1.2.0.0"]), true],
    ["ARoT 1.2.0.0", saying(["ARoT", "1.2"]), true],
    ["ARoT 1.2", saying(["ARoT", "1.10"]), true],
    ["ARoT 1.2", saying(["ARoT", "2"]), true],
    ["ARoT 65535", saying(["ARoT", "65535"]), true],
    ["ARoT 0", saying(["ARoT", "0"]), true],
    ["ARoT 1.2 SPE 3", saying(["SPE", "3.1"], ["x", "0"], ["ARoT", "1.2"]), true],
    ["ARoT 1.2", saying(["ARoT", "1.1.65535"]), false],
    ["ARoT 1.2.0.1", saying(["ARoT", "1.2"]), false],
    ["ARoT 2", saying(["ARoT", "1.10"]), false],
    ["ARoT 1.2", isolateCertificate(good), false],
    ["ARoT 1.2", saying(["SPE", "1.2"]), false],
    ["ARoT 1.2", saying(["arot", "1.2"]), false],
    ["ARoT 1.2", saying(["ARoTx", "1.2"]), false],
    // All of one name must be new enough, and a text that is no version is older than any.
    ["ARoT 1.2", saying(["ARoT", "1.2"], ["ARoT", "1.1"]), false],
    ["ARoT 1.2 SPE 3", saying(["ARoT", "1.2"], ["SPE", "2.9"]), false],
    ["ARoT 1.2 SPE 3", saying(["ARoT", "1.2"]), false],
    ...["", "1.2b", "v2", "02", "2.", "1.2.3.4.5", "65536", "99999999999999999"].map(
      (version): [string, TestCertificate, boolean] => ["ARoT 1", saying(["ARoT", version]), false],
    ),
  ];
  for (const [minima, certificate, isNewEnough] of cases) {
    const { code, requests } = attempt(certificate, { now: TODAY, minima });
    const name = `${minima}, case ${cases.findIndex((each) => each[1] === certificate)}`;
    assert.is(code, isNewEnough ? 0 : VC_E_VERSION, name);
    assert.equal(requests, isNewEnough ? ["commit"] : [], name);
  }
  // Versions that do not parse.
  const whole = der(0x30, der(0x30, der(0x0c, Buffer.from("ARoT")), der(0x0c, Buffer.from("2"))));
  for (const value of [
    Buffer.alloc(0),
    whole.subarray(0, -1),
    Buffer.concat([whole, Buffer.of(0)]),
    der(0x30, der(0x30, der(0x0c, Buffer.from("ARoT")))),
    der(0x30, der(0x30, der(0x0c, Buffer.from("ARoT")), der(0x0c, Buffer.from("2")), der(0x05))),
    der(0x30, der(0x30, der(0x16, Buffer.from("ARoT")), der(0x0c, Buffer.from("2")))),
  ]) {
    const extensions = [
      ...isolateExtensions(runtimeHash, "mcu", 0x3000, policyAndScope),
      { id: "2.5.30.5", value },
    ];
    const certificate = isolateCertificate({ ...good, extensions });
    assert.is(attempt(certificate, { now: TODAY, minima: "ARoT 1" }).code, VC_E_VERSION);
  }
});

test("least versions that are malformed are refused, and none are left of those before", () => {
  const client = new Client({ now: TODAY });
  const four = Array.from({ length: 4 }, (_, n) => `${n}234567890123456 65535.65535.6553`);
  assert.is(client.setMinima(four.join(" ")), 0);
  for (const text of [
    "ARoT",
    "ARoT ",
    " 1",
    "ARoT  1",
    "ARoT 1.",
    "ARoT 1 SPE",
    "ARoT 1  SPE 1",
    "ARoT 65536",
    [...four, "x 1"].join(" "),
  ])
    assert.is(client.setMinima(text), VC_E_CONFIGURATION, text);
});

test("the policy decides on development grade; no other lifecycle is ever trusted", () => {
  for (const [lifecycle, allowed] of [
    [0x3000, 0],
    [0x30ff, 0],
    [0x4000, 0],
    [0x40aa, 0],
    [0x1000, VC_E_LIFECYCLE],
    [0x2000, VC_E_LIFECYCLE],
    [0x5000, VC_E_LIFECYCLE],
    [0x6000, VC_E_LIFECYCLE],
  ] as const) {
    const certificate = isolateCertificate({ ...good, lifecycle });
    assert.is(
      attempt(certificate, { now: TODAY, allowDevelopment: true }).code,
      allowed,
      `${lifecycle}`,
    );
    const strict = lifecycle >> 8 === 0x30 ? 0 : VC_E_LIFECYCLE;
    assert.is(attempt(certificate).code, strict, `${lifecycle}`);
  }
});

test("attack M4: without a clock a certificate whose time is over is refused, by want of freshness", () => {
  const past = { ...good, notBefore: new Date("2019-01-01"), notAfter: new Date("2020-01-01") };
  const certificate = isolateCertificate(past);
  // With the dates alone nothing would be wrong: the owner of the machine has the key, and the commit of then.
  const none = attempt(certificate, {});
  assert.is(none.code, VC_E_FRESHNESS);
  assert.equal(none.requests, ["commit", "requestFreshness"]);
  // A statement that it got for another nonce, another session, another key, or from another CA.
  const stranger = makeCertificate({ commonName: "Test CA", ca: true });
  const other = Buffer.alloc(32, 0x66);
  const otherKey = publicKeyOf(isolateCertificate(good));
  const lies: [string, NonNullable<Says["freshness"]>][] = [
    ["another nonce", (fresh) => freshnessBy(authority, { ...fresh, nonce: other })],
    ["another session", (fresh) => freshnessBy(authority, { ...fresh, exporter: other })],
    ["another key", (fresh) => freshnessBy(authority, { ...fresh, publicKey: otherKey })],
    ["another policy", (fresh) => freshnessBy(authority, { ...fresh, policyHash: other })],
    ["another CA", (fresh) => freshnessBy(stranger, fresh)],
    [
      "the key for commits",
      (fresh) => signed(authority, OID_COMMIT_SERVICE, statementPayload(fresh, Date.now())),
    ],
    ["a commit", (fresh) => commitBy(authority, { ...fresh, scopeHash })],
  ];
  for (const [name, freshness] of lies)
    assert.is(attempt(certificate, {}, { freshness }).code, VC_E_FRESHNESS, name);
  // A genuine isolate's server can keep new certificates from it: the statement says what time it is.
  const genuine = (fresh: StatementContent) => freshnessBy(authority, fresh);
  assert.is(attempt(certificate, {}, { freshness: genuine }).code, VC_E_FRESHNESS);
  const inTime = (fresh: StatementContent) =>
    freshnessBy(authority, fresh, past.notAfter.getTime() - 1000);
  assert.is(attempt(certificate, {}, { freshness: inTime }).code, 0);
});

/** Byte by byte, in groups of base64 and beside them, and whole. */
const CUTS = [1, 3, 4, 5, 259, 1536];

/** One client goes to servers that answer alike, in pieces of each size: all come to the same end. */
function endsOf(change: (server: Attacker) => void): number[] {
  return CUTS.map((cut) => {
    const client = new Client({ now: TODAY });
    client.cut = cut;
    const server = new Attacker(isolateCertificate(good));
    change(server);
    return client.connect(server);
  });
}

test("however an answer is cut into pieces, and its body into chunks, it is the same answer", () => {
  const open = CUTS.map(() => 0);
  assert.equal(
    endsOf(() => {}),
    open,
  );
  for (const chunk of [9, 64, 300])
    assert.equal(
      endsOf((server) => {
        server.chunk = chunk;
      }),
      open,
      `chunks of ${chunk}`,
    );
});

test("a character that is wrong in base64 is refused wherever it stands, and however it comes", () => {
  for (const at of [2, 3, 6, 257, 258, 300, 770])
    for (const wrong of ["-", "=", "\0", "\xc1", "\n"])
      assert.equal(
        endsOf((server) => {
          server.spoil = (text) =>
            text.length > at ? text.slice(0, at) + wrong + text.slice(at + 1) : text;
        }),
        CUTS.map(() => VC_E_HTTP),
        `${JSON.stringify(wrong)} at ${at}`,
      );
});

test("without a clock an isolate that is attested now is trusted", () => {
  const client = new Client({});
  const freshness = (fresh: StatementContent) => freshnessBy(authority, { ...fresh, highest: 1 });
  const { code, requests } = attempt(isolateCertificate(good), {}, { freshness }, client);
  assert.is(code, 0);
  assert.equal(requests, ["commit", "requestFreshness"]);
});

test.run();
