// CA, certificates and certification requests, checked with OpenSSL, which knows nothing of this code.

import { execFileSync, spawnSync } from "node:child_process";
import { createHash, createPrivateKey, generateKeyPairSync, X509Certificate } from "node:crypto";
import { chmodSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { initialiseCa, loadCa } from "../../host/proxy-attestation-server/ca.js";
import type { ComponentVersion } from "../../host/psa-attestation/versions.js";
import { caCertificate, isolateCertificate, randomSerial } from "../../host/x509/certificate.js";
import { readCsr } from "../../host/x509/csr.js";
import { DerError, parse } from "../../host/x509/der.js";
import { certificateToPem } from "../../host/x509/principal-certificate.js";
import {
  type IsolateDemand,
  readCertificate,
  verifyIsolateCertificate,
} from "../../host/x509/read-certificate.js";
import { fill } from "../psa-attestation/tokens.js";
import { skip } from "../support/shared.js";
import { csrFor, newIsolateKey, POLICY_DEMAND, temporaryFolder, tlv } from "./support.js";

const folder = temporaryFolder();
const file = (name: string) => join(folder.path, name);
const keyPath = file("ca-key.pem");
const caPath = file("ca.pem");
initialiseCa(keyPath, caPath, "Test CA", 30);
const ca = loadCa(keyPath, caPath);
const caPem = readFileSync(caPath, "utf8");
const hasOpenssl = spawnSync("openssl", ["version"]).status === 0;
const openssl = (...args: string[]) => execFileSync("openssl", args, { encoding: "utf8" });

const RUNTIME = Uint8Array.from({ length: 32 }, (_, i) => i);
const DAY = 86_400_000;
const now = Date.now();
const key = newIsolateKey();

function issue(
  overrides: {
    issuer?: typeof ca;
    notBefore?: number;
    notAfter?: number;
    lifecycle?: number;
    kind?: "linux" | "mcu";
    runtimeHash?: Uint8Array;
    versions?: ComponentVersion[];
  } = {},
): Uint8Array {
  const { notBefore = now - 1000, notAfter = now + DAY, issuer = ca } = overrides;
  return isolateCertificate(
    {
      spki: key.spki,
      runtimeHash: overrides.runtimeHash ?? RUNTIME,
      kind: overrides.kind ?? "linux",
      lifecycle: overrides.lifecycle ?? 0x4000,
      ...POLICY_DEMAND,
      ...(overrides.versions && { versions: overrides.versions }),
    },
    issuer,
    { notBefore, notAfter },
    randomSerial(),
  );
}

test.after(() => folder.remove());

if (hasOpenssl) {
  test("openssl verify accepts the issued chain, for the name, as server and as client", () => {
    writeFileSync(file("isolate.pem"), certificateToPem(issue()));
    for (const purpose of ["sslserver", "sslclient"])
      assert.match(
        openssl(
          "verify",
          "-x509_strict",
          "-CAfile",
          caPath,
          "-purpose",
          purpose,
          "-verify_hostname",
          "ComputeEnclave.dev",
          file("isolate.pem"),
        ),
        /isolate\.pem: OK/,
      );
    const wrong = spawnSync(
      "openssl",
      ["verify", "-CAfile", caPath, "-verify_hostname", "example.com", file("isolate.pem")],
      { encoding: "utf8" },
    );
    assert.is.not(wrong.status, 0);
  });

  test("openssl verify refuses an expired one and one of another CA", () => {
    const refused = (name: string, certificate: Uint8Array) => {
      writeFileSync(file(name), certificateToPem(certificate));
      const { status, stderr } = spawnSync("openssl", ["verify", "-CAfile", caPath, file(name)], {
        encoding: "utf8",
      });
      assert.is.not(status, 0);
      return stderr;
    };
    assert.match(
      refused("expired.pem", issue({ notBefore: now - 2 * DAY, notAfter: now - DAY })),
      /expired/,
    );
    initialiseCa(file("other-key.pem"), file("other.pem"), "Test CA", 30);
    const other = loadCa(file("other-key.pem"), file("other.pem"));
    assert.match(refused("foreign.pem", issue({ issuer: other })), /signature failure|issuer/);
  });

  test("openssl asn1parse shows both extensions: the hash raw in extnValue, kind and lifecycle in DER", () => {
    writeFileSync(file("parsed.der"), issue());
    const lines = openssl("asn1parse", "-inform", "DER", "-in", file("parsed.der")).split("\n");
    const after = (oid: string) => {
      const at = lines.findIndex((line) => line.includes(`OBJECT            :${oid}`));
      assert.ok(at > 0, `${oid} is not there`);
      return lines[at + 1] ?? "";
    };
    // "OCTET STRING [HEX DUMP]:000102…": 32 bytes, no nested OCTET STRING (04 20) before them.
    const hash = after("2.5.30.1");
    assert.match(hash, /l= *32 prim: OCTET STRING/);
    assert.match(hash, new RegExp(`:${Buffer.from(RUNTIME).toString("hex")}$`, "i"));
    const kind = after("2.5.30.2");
    const dump = /\[HEX DUMP\]:([0-9A-F]+)$/.exec(kind)?.[1] ?? "";
    writeFileSync(file("kind.der"), Buffer.from(dump, "hex"));
    const inner = openssl("asn1parse", "-inform", "DER", "-in", file("kind.der"));
    assert.match(inner, /UTF8STRING +:linux/);
    assert.match(inner, /INTEGER +:4000/);
    assert.match(
      openssl("asn1parse", "-inform", "DER", "-in", file("parsed.der"), "-strparse", "4"),
      /SEQUENCE/,
    );
  });

  test("a certification request made by openssl is read", () => {
    openssl(
      "req",
      "-new",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:P-256",
      "-nodes",
      "-keyout",
      file("req-key.pem"),
      "-subj",
      "/CN=isolate/O=Test",
      "-addext",
      "subjectAltName=DNS:evil.example",
      "-outform",
      "DER",
      "-out",
      file("req.der"),
    );
    const csr = readCsr(new Uint8Array(readFileSync(file("req.der"))));
    assert.ok(csr.ok);
    const der = createPrivateKey(readFileSync(file("req-key.pem")));
    assert.ok(
      new X509Certificate(
        certificateToPem(
          isolateCertificate(
            {
              spki: csr.subjectPublicKeyInfo,
              runtimeHash: RUNTIME,
              kind: "mcu",
              lifecycle: 0x3000,
              ...POLICY_DEMAND,
            },
            ca,
            { notBefore: now, notAfter: now + DAY },
            randomSerial(),
          ),
        ),
      ).checkPrivateKey(der),
    );
  });

  test("our requests are valid for openssl too", () => {
    writeFileSync(file("ours.der"), csrFor(key));
    const { status, stderr } = spawnSync(
      "openssl",
      ["req", "-verify", "-inform", "DER", "-in", file("ours.der"), "-noout"],
      { encoding: "utf8" },
    );
    assert.is(status, 0, stderr);
  });

  test("a CA made by openssl can be used", () => {
    openssl(
      "req",
      "-x509",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:P-256",
      "-nodes",
      "-days",
      "10",
      "-subj",
      "/O=Operator/CN=Its CA",
      "-addext",
      "keyUsage=critical,keyCertSign",
      "-keyout",
      file("operator-key.pem"),
      "-out",
      file("operator.pem"),
    );
    chmodSync(file("operator-key.pem"), 0o600);
    const operator = loadCa(file("operator-key.pem"), file("operator.pem"));
    writeFileSync(file("under-operator.pem"), certificateToPem(issue({ issuer: operator })));
    assert.match(
      openssl("verify", "-CAfile", file("operator.pem"), file("under-operator.pem")),
      /OK/,
    );
    assert.ok(
      verifyIsolateCertificate(issue({ issuer: operator }), {
        ...POLICY_DEMAND,
        ca: readFileSync(file("operator.pem"), "utf8"),
        runtimeHashes: { linux: RUNTIME },
        allowDevelopment: true,
        now,
      }).ok,
    );
  });

  test("a CA whose key may sign no certificates is refused", () => {
    openssl(
      ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"],
      ...["-days", "10", "-subj", "/CN=Not for certificates"],
      ...["-addext", "keyUsage=critical,digitalSignature,cRLSign"],
      ...["-keyout", file("no-ca-key.pem"), "-out", file("no-ca.pem")],
    );
    chmodSync(file("no-ca-key.pem"), 0o600);
    assert.throws(() => loadCa(file("no-ca-key.pem"), file("no-ca.pem")), /may not sign other/);
  });
} else skip(7, "openssl is not installed");

const demand: IsolateDemand = {
  ...POLICY_DEMAND,
  ca: caPem,
  runtimeHashes: { linux: RUNTIME },
  allowDevelopment: true,
  now,
};

/** The rule by which a client refuses the certificate, or "accepted". */
function ruleOf(certificate: Uint8Array, changes: Partial<IsolateDemand> = {}): string {
  const verdict = verifyIsolateCertificate(certificate, { ...demand, ...changes });
  return verdict.ok ? "accepted" : verdict.rule;
}

test("a client accepts the right certificate and reads from it what it must know", () => {
  const verdict = verifyIsolateCertificate(issue(), demand);
  assert.ok(verdict.ok);
  assert.equal(verdict.runtimeHash, RUNTIME);
  assert.is(verdict.kind, "linux");
  assert.is(verdict.lifecycle, 0x4000);
  assert.equal(verdict.spki, key.spki);
});

test("a client refuses: another CA, expired, not yet valid, wrong name, wrong hash, other kind, grade, version", () => {
  initialiseCa(file("evil-key.pem"), file("evil.pem"), "Test CA", 30);
  const evil = loadCa(file("evil-key.pem"), file("evil.pem"));
  assert.is(ruleOf(issue({ issuer: evil })), "certificate-issuer");
  initialiseCa(file("named-key.pem"), file("named.pem"), "Another name", 30);
  const named = loadCa(file("named-key.pem"), file("named.pem"));
  assert.is(ruleOf(issue({ issuer: named })), "certificate-issuer");
  assert.is(ruleOf(issue(), { now: now + 2 * DAY }), "certificate-expired");
  assert.is(
    ruleOf(issue({ notBefore: now + DAY, notAfter: now + 2 * DAY })),
    "certificate-expired",
  );
  const { now: _, ...withoutClock } = demand;
  assert.ok(verifyIsolateCertificate(issue({ notAfter: now - 1 }), withoutClock).ok, "no clock");
  assert.is(ruleOf(issue({ runtimeHash: fill(32, 1) })), "runtime-hash");
  assert.is(ruleOf(issue({ kind: "mcu", lifecycle: 0x3000 })), "runtime-hash");
  assert.is(ruleOf(issue(), { allowDevelopment: false }), "development-grade");
  assert.is(ruleOf(issue({ lifecycle: 0x5000 })), "development-grade");
  assert.is(ruleOf(issue({ lifecycle: 0x3000 }), { allowDevelopment: false }), "accepted");
  const minimumVersions = [{ component: "ARoT", version: "1.2" }];
  const said = (version: string) => issue({ versions: [{ component: "ARoT", version }] });
  assert.is(ruleOf(issue(), { minimumVersions }), "component-version");
  assert.is(ruleOf(said("1.1.9"), { minimumVersions }), "component-version");
  assert.is(ruleOf(said("1.2.0"), { minimumVersions }), "accepted");
  // A CA's own certificate is no isolate's, though the CA signed it.
  assert.is(ruleOf(ca.certificate), "certificate-purpose");
});

test("a certificate of the same CA for another name is refused", () => {
  // Same length, so that the lengths around it stay right; signed anew.
  const der = Buffer.from(issue());
  const at = der.lastIndexOf("ComputeEnclave.dev");
  der.write("ComputeEnclave.com", at);
  assert.is(ruleOf(new Uint8Array(der)), "certificate-issuer");
  const tbs = readCertificate(new Uint8Array(der)).toBeSigned;
  assert.is(ruleOf(resign(tbs)), "certificate-name");
});

test("a certificate of the same CA for another use of its key, or for no TLS server, is refused", () => {
  const certificate = Buffer.from(issue());
  const changed = (from: string, to: string) => {
    const at = certificate.indexOf(from, "hex");
    assert.ok(at > 0, from);
    const der = Buffer.from(certificate);
    der.write(to, at, "hex");
    return resign(readCertificate(new Uint8Array(der)).toBeSigned);
  };
  // keyUsage: digitalSignature, made keyEncipherment.
  assert.is(ruleOf(changed("03020780", "03020520")), "certificate-purpose");
  // extKeyUsage: serverAuth (1.3.6.1.5.5.7.3.1), made codeSigning.
  assert.is(ruleOf(changed("06082b06010505070301", "06082b06010505070303")), "certificate-purpose");
  assert.is(ruleOf(changed("03020780", "03020780")), "accepted");
});

/** Signs changed content with the CA's key. */
function resign(tbs: Uint8Array): Uint8Array {
  const signature = new Uint8Array(
    execFileSync(process.execPath, [
      "-e",
      "const c=require('node:crypto'),f=require('node:fs');process.stdout.write(c.sign('sha256',Buffer.from(process.argv[2],'hex'),f.readFileSync(process.argv[1])))",
      keyPath,
      Buffer.from(tbs).toString("hex"),
    ]),
  );
  const algorithm = tlv(0x30, Buffer.from("06082a8648ce3d040302", "hex"));
  return new Uint8Array(tlv(0x30, tbs, algorithm, tlv(0x03, [0], signature)));
}

test("no byte of a certificate can change unnoticed", () => {
  const certificate = issue();
  for (let i = 0; i < certificate.length; i++) {
    const bent = certificate.slice();
    bent[i] = (bent[i] as number) ^ 0x01;
    assert.is.not(ruleOf(bent), "accepted", `byte ${i}`);
  }
});

test("serial numbers are random, positive and 16 bytes", () => {
  const serials = new Set<string>();
  for (let i = 0; i < 1000; i++) {
    const serial = randomSerial();
    assert.is(serial.length, 16);
    assert.ok((serial[0] as number) >= 0x40 && (serial[0] as number) < 0x80);
    serials.add(Buffer.from(serial).toString("hex"));
  }
  assert.is(serials.size, 1000);
});

test("a validity beyond 2049 is written as RFC 5280 asks", () => {
  const certificate = issue({ notAfter: Date.parse("2060-01-02T03:04:05Z") });
  assert.is(readCertificate(certificate).notAfter, Date.parse("2060-01-02T03:04:05Z"));
  assert.is(new X509Certificate(certificate).validTo, "Jan  2 03:04:05 2060 GMT");
});

test("the CA's key file is for its owner only, and nothing is overwritten", () => {
  assert.is(statSync(keyPath).mode & 0o777, 0o600);
  const before = readFileSync(keyPath);
  assert.throws(() => initialiseCa(keyPath, file("new.pem"), "x", 1), /exists already/);
  assert.equal(readFileSync(keyPath), before);
  assert.throws(() => initialiseCa(file("new-key.pem"), caPath, "x", 1), /exists already/);
  assert.throws(() => statSync(file("new-key.pem")), /ENOENT/, "no key without its certificate");
});

test("a CA key that others may read is refused, and errors never show a key", () => {
  const copy = file("open-key.pem");
  writeFileSync(copy, readFileSync(keyPath));
  for (const mode of [0o640, 0o604, 0o660, 0o601]) {
    chmodSync(copy, mode);
    assert.throws(() => loadCa(copy, caPath), /may be used by others/);
  }
  chmodSync(copy, 0o600);
  loadCa(copy, caPath);
  const secret = "MC4CAQAwBQYDK2VwBCIEIAsecretsecretsecretsecretsecret";
  writeFileSync(copy, `-----BEGIN PRIVATE KEY-----\n${secret}\n-----END PRIVATE KEY-----\n`);
  try {
    loadCa(copy, caPath);
    assert.unreachable();
  } catch (error) {
    assert.match((error as Error).message, /not an unencrypted private key/);
    assert.not.match((error as Error).message, /secret/);
  }
});

test("a CA whose parts do not fit is refused", () => {
  initialiseCa(file("b-key.pem"), file("b.pem"), "B", 30);
  assert.throws(() => loadCa(file("b-key.pem"), caPath), /does not belong/);
  initialiseCa(file("old-key.pem"), file("old.pem"), "Old", 1, now - 3 * DAY);
  assert.throws(() => loadCa(file("old-key.pem"), file("old.pem")), /not valid now/);
  writeFileSync(file("leaf.pem"), certificateToPem(issue()));
  writeFileSync(file("leaf-key.pem"), key.privateKey.export({ type: "pkcs8", format: "pem" }), {
    mode: 0o600,
  });
  assert.throws(() => loadCa(file("leaf-key.pem"), file("leaf.pem")), /may not sign/);
  const p384 = generateKeyPairSync("ec", { namedCurve: "P-384" });
  const spki = new Uint8Array(p384.publicKey.export({ type: "spki", format: "der" }));
  writeFileSync(
    file("p384.pem"),
    certificateToPem(
      caCertificate("P-384", spki, p384.privateKey, { notBefore: now, notAfter: now + DAY }),
    ),
  );
  writeFileSync(
    file("p384-key.pem"),
    p384.privateKey.export({ type: "pkcs8", format: "pem" }) as string,
    { mode: 0o600 },
  );
  assert.throws(() => loadCa(file("p384-key.pem"), file("p384.pem")), /P-256/);
  assert.throws(() => loadCa(keyPath, file("nothing.pem")), /cannot use the CA certificate/);
  assert.throws(() => loadCa(file("nothing.pem"), caPath), /cannot read the CA key/);
});

test("requests in anything but strict DER are refused, whatever is bent", () => {
  const csr = csrFor(key);
  const hash = createHash("sha256").update(csr).digest("hex");
  for (let i = 0; i < csr.length; i++)
    for (const mask of [0x01, 0x80]) {
      const bent = csr.slice();
      bent[i] = (bent[i] as number) ^ mask;
      assert.not.ok(readCsr(bent).ok, `byte ${i} of the request ${hash}, mask ${mask}`);
    }
  const bends: [string, Uint8Array][] = [
    ["length not minimal", Uint8Array.of(0x30, 0x82, 0x00, 0x05, 2, 1, 0, 5, 0)],
    ["indefinite length", Uint8Array.of(0x30, 0x80, 0, 0)],
    ["length of four bytes", Uint8Array.of(0x30, 0x84, 0, 0, 0, 1, 0)],
    ["high tag number", Uint8Array.of(0x3f, 0x81, 0x01, 0)],
    ["deep nesting", new Uint8Array(Array.from({ length: 60 }, (_, i) => (i % 2 ? 58 - i : 0x30)))],
    ["explicit curve parameters", csrFor(key, { spki: fill(91, 0x30) })],
    ["empty", new Uint8Array(0)],
  ];
  for (const [name, bytes] of bends) {
    const verdict = readCsr(bytes);
    assert.ok(!verdict.ok, name);
    assert.ok(verdict.detail.length > 0);
  }
});

test("DER has one encoding of a length: a valid request with a longer one is refused", () => {
  const csr = csrFor(key);
  assert.ok(readCsr(csr).ok);
  // The outer SEQUENCE is not signed: 30 81 LL … becomes 30 82 00 LL …, all else as it was.
  assert.is(csr[1], 0x81);
  const longer = Uint8Array.of(0x30, 0x82, 0, ...csr.subarray(2));
  const verdict = readCsr(longer);
  assert.ok(!verdict.ok && verdict.rule === "csr-malformed");
  const refused: [string, number[]][] = [
    ["one length byte for less than 128", [4, 0x81, 5, 1, 2, 3, 4, 5]],
    ["two length bytes for less than 256", [4, 0x82, 0, 200, ...Array(200).fill(1)]],
    ["no length byte", [4]],
    ["length bytes cut short", [4, 0x82, 1]],
    ["content cut short", [4, 5, 1, 2]],
    ["a child longer than its parent", [0x30, 3, 4, 2, 1]],
    ["bytes after the end", [4, 1, 1, 0]],
  ];
  for (const [name, bytes] of refused)
    assert.throws(
      () => parse(Uint8Array.from(bytes)),
      (error: unknown) => error instanceof DerError,
      name,
    );
  assert.is(parse(Uint8Array.of(4, 0x81, 200, ...Array(200).fill(1))).value.length, 200);
});

test("certificates that are not of this kind are told apart from broken ones", () => {
  assert.throws(
    () => readCertificate(csrFor(key)),
    (error: unknown) => error instanceof DerError,
  );
  assert.is(ruleOf(csrFor(key)), "certificate-malformed");
  assert.is(ruleOf(new Uint8Array(0)), "certificate-malformed");
});

test.run();
