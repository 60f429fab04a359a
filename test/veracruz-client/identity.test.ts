import { test } from "uvu";
import * as assert from "uvu/assert";
import { ClientError } from "../../host/veracruz-client/errors.js";
import { loadIdentity } from "../../host/veracruz-client/identity.js";
import { makeCertificate } from "../support/certificates.js";
import { unusablePrincipals, usable } from "../support/unusable-principals.js";

const alice = makeCertificate({ commonName: "alice" });
const bob = makeCertificate({ commonName: "bob" });

function failure(certificate: Uint8Array | string, key: string): string {
  try {
    loadIdentity(Buffer.from(certificate as string), key);
  } catch (error) {
    assert.instance(error, ClientError);
    assert.is((error as ClientError).kind, "usage");
    const { message } = error as ClientError;
    assert.not.match(message, /BEGIN (?!CERTIFICATE)|MIG|MHc/, "nothing of a key is shown");
    return message;
  }
  return "";
}

test("certificate and key are read, PEM and DER, PKCS#8 and SEC1", () => {
  assert.is(failure(alice.pem, alice.keyPem), "");
  assert.is(failure(alice.der, alice.keyPem), "");
  assert.is(failure(usable.pem, usable.keyPem), "");
  const sec1 = alice.privateKey.export({ type: "sec1", format: "pem" }).toString();
  assert.is(failure(alice.pem, sec1), "");
});

test("bad certificates and keys are refused, each with its reason", () => {
  const rsa = makeCertificate({ key: "rsa" });
  const expired = makeCertificate({ notAfter: new Date(Date.now() - 1000) });
  const encrypted = alice.privateKey
    .export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "x" })
    .toString();
  const cases: [string | Uint8Array, string, RegExp][] = [
    ["", alice.keyPem, /^the certificate: not a certificate/],
    ["hello", alice.keyPem, /^the certificate: not a certificate/],
    [alice.keyPem, alice.keyPem, /this is a private key, not a certificate/],
    [alice.pem + bob.pem, alice.keyPem, /more than one certificate/],
    [alice.der.subarray(0, 100), alice.keyPem, /not a certificate/],
    [rsa.pem, rsa.keyPem, /its key is rsa 2048.*\n {2}openssl req/],
    [expired.pem, expired.keyPem, /expired on/],
    [alice.pem, bob.keyPem, /the key does not belong to the certificate of alice/],
    [alice.pem, rsa.keyPem, /the key is not on P-256/],
    [alice.pem, "", /not an unencrypted private key in PEM/],
    [alice.pem, alice.pem, /not an unencrypted private key in PEM/],
    [alice.pem, encrypted, /not an unencrypted private key in PEM/],
  ];
  for (const [, words, { pem, keyPem }] of unusablePrincipals) {
    const pattern = new RegExp(`^the certificate: .*${words.source}; make one with:\\n {2}openssl`);
    cases.push([pem, keyPem, pattern]);
  }
  for (const [certificate, key, pattern] of cases) {
    assert.match(failure(certificate, key), pattern, String(pattern));
  }
});

test.run();
