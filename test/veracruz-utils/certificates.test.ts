import { test } from "uvu";
import * as assert from "uvu/assert";
import { Policy, type PolicyDocument } from "../../host/veracruz-utils/policy.js";
import { checkPolicyCertificates } from "../../host/veracruz-utils/policy-certificates.js";
import {
  CertificateError,
  certificateFromPem,
  certificateToPem,
  displayName,
  readCertificate,
  requireCurrent,
  requireP256,
} from "../../host/x509/principal-certificate.js";
import { makeCertificate } from "../support/certificates.js";
import { failureOf } from "../support/failure.js";
import { alice, authority, samplePolicy, textOf } from "./sample-policies.js";

const HOUR = 3_600_000;
const now = new Date();

test("a certificate is read from PEM, from PEM with text around it, and from DER", () => {
  const text = `Certificate:\n    Data: 1-2\n${alice.pem}and so on\n`;
  for (const content of [Buffer.from(alice.pem), Buffer.from(text), alice.der]) {
    assert.equal(readCertificate(content).raw, alice.der);
  }
  assert.is(certificateToPem(alice.der), alice.pem);
  assert.equal(certificateFromPem(alice.pem), alice.der);
});

test("what is no certificate is refused with the reason", () => {
  const read = (text: string) => failureOf(() => readCertificate(Buffer.from(text)));
  assert.match(read(""), /^not a certificate/);
  assert.is(
    read("hello"),
    "not a certificate: expected one in PEM (-----BEGIN CERTIFICATE-----) or DER",
  );
  assert.match(read(alice.keyPem), /this is a private key/);
  assert.match(read(alice.pem + authority.pem), /more than one certificate/);
  assert.match(read(alice.pem.replace("MII", "MMM")), /^not a certificate/);
});

test("keys that are not on P-256 are refused with the command that makes one", () => {
  for (const key of ["P-384", "rsa"] as const) {
    const certificate = readCertificate(makeCertificate({ key }).der);
    const message = failureOf(() => requireP256(certificate));
    assert.match(message, key === "rsa" ? /its key is rsa 2048/ : /its key is ec secp384r1/);
    assert.match(message, /openssl req -x509 .*P-256/);
  }
  requireP256(readCertificate(alice.der));
});

test("certificates that are expired, or not good yet, are refused", () => {
  const expired = makeCertificate({ notAfter: new Date(now.getTime() - HOUR / 2) });
  const early = makeCertificate({ notBefore: new Date(now.getTime() + HOUR) });
  assert.match(
    failureOf(() => requireCurrent(readCertificate(expired.der), now)),
    /^expired on 20\d\d-/,
  );
  assert.match(
    failureOf(() => requireCurrent(readCertificate(early.der), now)),
    /^not valid before 20\d\d-/,
  );
  requireCurrent(readCertificate(alice.der), now);
});

test("a subject cannot steer a terminal", () => {
  const certificate = readCertificate(makeCertificate({ commonName: "a\u001b[31m\u009bb" }).der);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
  assert.not.match(displayName(certificate), /[\u0000-\u001f\u007f-\u009f]/);
  // Bidirectional controls would show another name than the one that is compared.
  const turned = makeCertificate({ commonName: "ali\u202eecila\u2066" });
  assert.is(displayName(readCertificate(turned.der)), "ali?ecila?");
});

test("the policy's certificates and dates are checked against the clock", () => {
  const message = (bend: (policy: PolicyDocument) => void, at = now) => {
    const policy = samplePolicy();
    bend(policy);
    return failureOf(() => checkPolicyCertificates(new Policy(textOf(policy)), at));
  };
  assert.is(
    message(() => undefined),
    "",
  );
  const identity = (pem: string) => (policy: PolicyDocument) => {
    Object.assign(policy.identities[1] as object, { certificate: pem });
  };
  const expired = makeCertificate({ notAfter: new Date(now.getTime() - HOUR / 2) });
  assert.match(message(identity(expired.pem)), /^identities\[1\]\.certificate: expired on/);
  assert.match(
    message(identity(makeCertificate({ key: "rsa" }).pem)),
    /identities\[1\]\.certificate: .*no X\.509 certificate for a P-256 key/,
  );
  const broken = certificateToPem(Buffer.concat([Buffer.from("3081ff", "hex"), Buffer.alloc(255)]));
  assert.match(message(identity(broken)), /identities\[1\]\.certificate: .*no X\.509 certificate/);
  const expiredCa = makeCertificate({ ca: true, notAfter: new Date(now.getTime() - HOUR / 2) });
  const notCa = makeCertificate({ commonName: "leaf", ca: false });
  assert.match(
    message((policy) => Object.assign(policy, { proxy_service_cert: notCa.pem })),
    /proxy_service_cert: not the certificate of a CA/,
  );
  assert.match(
    message((policy) => Object.assign(policy, { proxy_service_cert: expiredCa.pem })),
    /^proxy_service_cert: expired/,
  );

  // One field of the date at a time, one step into the past.
  const at = new Date(Date.UTC(2030, 5, 15, 12, 30));
  const expiry = { year: 2030, month: 6, day: 15, hour: 12, minute: 31 };
  const long = { notBefore: new Date(0), notAfter: new Date(Date.UTC(2040, 0, 1)) };
  const dated = (change: Partial<typeof expiry>) =>
    message((policy) => {
      for (const each of policy.identities) each.certificate = makeCertificate(long).pem;
      policy.proxy_service_cert = makeCertificate({ ...long, ca: true }).pem;
      policy.enclave_cert_expiry = { ...expiry, ...change };
    }, at);
  assert.is(dated({}), "");
  for (const change of [{ year: 2029 }, { month: 5 }, { day: 14 }, { hour: 11 }, { minute: 30 }]) {
    assert.match(dated(change), /^enclave_cert_expiry: .* has passed/, JSON.stringify(change));
  }
});

test("CertificateError is what reading throws", () => {
  assert.throws(
    () => readCertificate(Buffer.from("x")),
    (error: unknown) => error instanceof CertificateError,
  );
});

test.run();
