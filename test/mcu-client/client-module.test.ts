// Which isolates the MCU client's module refuses to speak to: the module itself, in V8, against an
// attacker who ends TLS with whatever certificate it is given.
import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { wasmPath } from "../../host/common/paths.js";
import { Status, type TlsSession } from "../../host/session-manager/engine.js";
import { loadTlsEngine } from "../../host/session-manager/load.js";
import {
  decodeMessage,
  encodeMessage,
  FrameReader,
  frame,
} from "../../host/transport-protocol/index.js";
import { makeCertificate, type TestCertificate } from "../support/certificates.js";
import { type IsolateCertificateOptions, isolateCertificate } from "../veracruz-client/impostor.js";

const CHAIN = -7;
const KIND = -8;
const LIFECYCLE = -9;
const RUNTIME_HASH = -10;
const POLICY_HASH = -11;
const STEP = { idle: 0, connect: 1, send: 2, receive: 3, pause: 4, failed: 5 } as const;

const authority = makeCertificate({ commonName: "Test CA", ca: true });
const principal = makeCertificate({ commonName: "alice" });
const runtimeHash = Buffer.alloc(32, 0x11);
const policyHash = Buffer.alloc(32, 0x22);
const good: IsolateCertificateOptions = { issuer: authority, runtimeHash, kind: "mcu" };
const scalar = ({ privateKey }: TestCertificate) =>
  Buffer.from(privateKey.export({ format: "jwk" }).d as string, "base64url");

const engine = loadTlsEngine();

interface Demand {
  /** Kind (1: linux, 2: mcu) and hash that the policy names. */
  runtimes?: [kind: number, hash: Uint8Array][];
  allowDevelopment?: boolean;
  /** Seconds since 1970; absent: no clock. */
  now?: number;
}

/** The module, configured, with a caller that carries bytes to and from the attacker. */
class Client {
  private readonly call: (name: string, ...args: number[]) => number;
  private readonly memory: () => Uint8Array;

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
    give("setIdentity", Buffer.concat([scalar(principal), principal.der]));
    this.put(policyHash);
    this.call("setPolicyHash");
    for (const [kind, hash] of demand.runtimes ?? [[2, runtimeHash]])
      give("setRuntimeHash", hash, kind);
    this.call("setAllowDevelopment", demand.allowDevelopment ? 1 : 0);
    this.call("setSuite", 1);
    if (demand.now !== undefined)
      this.call("setTime", demand.now >>> 0, Math.floor(demand.now / 2 ** 32));
  }

  private put(bytes: Uint8Array): void {
    this.memory().set(bytes, this.call("buffer"));
  }

  /** Opens a session with the server; returns the failure's code, or 0 when it is open. */
  connect(server: Attacker): number {
    assert.is(this.call("open"), 0);
    for (let steps = 0; steps < 100; steps++) {
      const step = this.call("step");
      if (step === STEP.connect) this.call("connected");
      else if (step === STEP.send) {
        const [at, length] = [this.call("output"), this.call("outputLength")];
        server.request += Buffer.from(this.memory().slice(at, at + length)).toString("latin1");
        this.call("sent", length);
      } else if (step === STEP.receive) {
        const answer = server.answer();
        for (let at = 0; at < answer.length; at += 100) {
          const piece = answer.subarray(at, at + 100);
          this.put(piece);
          this.call("receive", piece.length);
        }
      } else if (step === STEP.pause) this.call("poll");
      else return this.call("failure");
    }
    throw new Error("no end");
  }
}

/** A Veracruz server that ends TLS itself. */
class Attacker {
  /** What came of a POST and was not answered yet. */
  request = "";
  /** Types of the requests that came in TLS. */
  readonly requests: string[] = [];
  private readonly session: TlsSession;
  private readonly frames = new FrameReader(100_000);

  constructor(
    certificate: TestCertificate,
    private readonly hash: Uint8Array,
  ) {
    const chain = [certificate.der, authority.der];
    const identity = { privateKey: scalar(certificate), chain };
    this.session = engine.configure({ identity }).open("server");
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
        this.requests.push(decodeMessage("principalRequest", request).type);
        this.session.write(frame(encodeMessage({ type: "hash", status: 0, hash: this.hash })));
      }
    }
    const output = Buffer.from(this.session.takeOutput()).toString("base64");
    const text = output === "" ? "7" : `7 ${output}`;
    return Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${text}`);
  }
}

function attempt(
  certificate: TestCertificate,
  demand: Demand = {},
  hash: Uint8Array = policyHash,
): { code: number; requests: string[] } {
  const server = new Attacker(certificate, hash);
  const code = new Client(demand).connect(server);
  return { code, requests: server.requests };
}

test("a certificate that keeps every rule, and the right policy: the session is open", () => {
  const { code, requests } = attempt(isolateCertificate(good));
  assert.is(code, 0);
  assert.equal(requests, ["requestPolicyHash"]);
});

test("another policy: nothing but the question for it was sent", () => {
  const { code, requests } = attempt(isolateCertificate(good), {}, Buffer.alloc(32, 0x23));
  assert.is(code, POLICY_HASH);
  assert.equal(requests, ["requestPolicyHash"]);
});

test("each certificate that breaks a rule is refused with its code, and nothing is sent", () => {
  const stranger = makeCertificate({ commonName: "Test CA", ca: true });
  const now = Math.floor(Date.now() / 1000);
  const day = 86_400_000;
  const at = (milliseconds: number) => new Date(Date.now() + milliseconds);
  const cases: [string, IsolateCertificateOptions, number, Demand?][] = [
    ["another CA of the same name", { ...good, issuer: stranger }, CHAIN],
    ["no CA at all", { runtimeHash, kind: "mcu" }, CHAIN],
    ["another name", { ...good, dnsName: "example.org" }, CHAIN],
    ["a CA's certificate", { ...good, ca: true }, CHAIN],
    ["expired", { ...good, notBefore: at(-2 * day), notAfter: at(-day) }, CHAIN, { now }],
    ["not valid yet", { ...good, notBefore: at(day), notAfter: at(2 * day) }, CHAIN, { now }],
    ["no runtime hash and no kind", { ...good, extensions: [] }, KIND],
    ["a kind that nobody knows", { ...good, kind: "sgx" }, KIND],
    ["a kind that the policy does not name", { ...good, kind: "linux" }, KIND],
    ["another runtime", { ...good, runtimeHash: Buffer.alloc(32, 7) }, RUNTIME_HASH],
    [
      "the hash of the other kind",
      good,
      RUNTIME_HASH,
      {
        runtimes: [
          [1, runtimeHash],
          [2, Buffer.alloc(32, 9)],
        ],
      },
    ],
    ["development grade", { ...good, lifecycle: 0x4000 }, LIFECYCLE],
  ];
  for (const [name, options, expected, demand] of cases) {
    const { code, requests } = attempt(isolateCertificate(options), demand);
    assert.is(code, expected, name);
    assert.equal(requests, [], name);
  }
});

test("the policy decides on development grade; no other lifecycle is ever trusted", () => {
  for (const [lifecycle, allowed] of [
    [0x3000, 0],
    [0x30ff, 0],
    [0x4000, 0],
    [0x40aa, 0],
    [0x1000, LIFECYCLE],
    [0x2000, LIFECYCLE],
    [0x5000, LIFECYCLE],
    [0x6000, LIFECYCLE],
  ] as const) {
    const certificate = isolateCertificate({ ...good, lifecycle });
    assert.is(attempt(certificate, { allowDevelopment: true }).code, allowed, `${lifecycle}`);
    const strict = lifecycle >> 8 === 0x30 ? 0 : LIFECYCLE;
    assert.is(attempt(certificate).code, strict, `${lifecycle}`);
  }
});

test("without a clock dates are not looked at", () => {
  const past = { ...good, notBefore: new Date("2019-01-01"), notAfter: new Date("2020-01-01") };
  assert.is(attempt(isolateCertificate(past)).code, 0);
});

test.run();
