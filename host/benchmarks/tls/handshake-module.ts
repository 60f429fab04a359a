import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { readFileSync } from "node:fs";
import { wasmPath } from "../../common/paths.js";
import type { BenchCall } from "../../mcu/bench-harness.js";
import { instantiate, type WasmInstance } from "../../session-manager/engine.js";
import {
  caCertificate,
  ISOLATE_NAME,
  isolateCertificate,
  randomSerial,
} from "../../x509/certificate.js";
import { readCertificate, subjectKeyIdentifier } from "../../x509/read-certificate.js";

const HOUR = 3_600_000;

/** `build/wasm/testing/handshake.wasm`: a server and a client in one module, and what was called to set them up. */
export interface HandshakeModule {
  readonly instance: WasmInstance;
  /** All calls so far, to be made again elsewhere. */
  readonly calls: BenchCall[];
  /** Makes a call here and writes it down; another host's allocator gives the same addresses. */
  call(name: string, ...args: number[]): number;
  /** The same for a call that has to return 1. */
  expect(name: string, ...args: number[]): void;
  /** Address of the client's public key, 65 bytes. */
  readonly clientKey: number;
}

/** Starts the module and gives both ends keys, certificates of one CA, and the server's name. */
export function handshakeModule(): HandshakeModule {
  const validity = { notBefore: Date.now() - HOUR, notAfter: Date.now() + HOUR };
  const newKey = () => {
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    return {
      privateKey,
      spki: new Uint8Array(publicKey.export({ type: "spki", format: "der" })),
      scalar: Buffer.from(privateKey.export({ format: "jwk" }).d ?? "", "base64url"),
    };
  };
  const ca = newKey();
  const anchor = caCertificate("Benchmark CA", ca.spki, ca.privateKey, validity);
  const parsed = readCertificate(anchor);
  /** Certificates as an isolate's, for both ends: they may serve as either. */
  const issue = (spki: Uint8Array, key: KeyObject): Uint8Array =>
    isolateCertificate(
      {
        spki,
        runtimeHash: new Uint8Array(32),
        kind: "mcu",
        lifecycle: 0x3000,
        policyHash: new Uint8Array(32),
        scopeHash: new Uint8Array(32),
      },
      { key, name: parsed.subject, keyIdentifier: subjectKeyIdentifier(parsed) },
      validity,
      randomSerial(),
    );

  const instance = instantiate(readFileSync(wasmPath("testing/handshake")));
  const calls: BenchCall[] = [];
  const call = (name: string, ...args: number[]): number => {
    calls.push({ name, arguments: args });
    return instance.call(name, ...args);
  };
  const expect = (name: string, ...args: number[]): void => {
    if (call(name, ...args) !== 1) throw new Error(`${name} failed`);
  };
  const put = (bytes: Uint8Array): number => {
    const at = call("allocate", bytes.length + 8);
    for (let i = 0; i < bytes.length; i += 8) {
      const word = Buffer.alloc(8);
      word.set(bytes.subarray(i, i + 8));
      calls.push({ name: "poke", arguments: [at + i, word.readBigUInt64LE()] });
    }
    instance.memory().set(bytes, at);
    return at;
  };
  expect("begin");
  let clientKey = 0;
  for (const name of ["setServer", "setClient"]) {
    const key = newKey();
    const chain = Buffer.concat([issue(key.spki, ca.privateKey), anchor]);
    expect(name, put(key.scalar), put(chain), chain.length);
    clientKey = put(key.spki.subarray(-65));
  }
  const dns = Buffer.from(ISOLATE_NAME);
  expect("setAuthority", put(anchor), anchor.length, put(dns), dns.length);
  return { instance, calls, call, expect, clientKey };
}
