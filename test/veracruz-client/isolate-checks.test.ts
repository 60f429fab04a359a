// Which isolates a client refuses to speak to. Against a server in an attacker's hands, with TLS of
// Node.js and with this project's own.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { VeracruzClient } from "../../host/veracruz-client/client.js";
import { ClientError } from "../../host/veracruz-client/errors.js";
import { loadIdentity } from "../../host/veracruz-client/identity.js";
import type { Policy } from "../../host/veracruz-utils/policy.js";
import { makeCertificate } from "../support/certificates.js";
import { alice, authority } from "../veracruz-utils/sample-policies.js";
import { Impostor, type ImpostorOptions, isolateCertificate } from "./impostor.js";
import { good, pairOf, policy, policyWith, refused } from "./refused-certificates.js";

const identity = loadIdentity(Buffer.from(alice.pem), alice.keyPem);

const attempt = async (
  tls: "node" | "own",
  server: ImpostorOptions,
  options: { policy?: Policy; expectIsolate?: string } = {},
): Promise<{ error: Error; requests: string[] }> => {
  const impostor = await Impostor.start(server);
  try {
    const error = await VeracruzClient.connect({
      policy,
      identity,
      server: impostor.address,
      tls,
      timeoutMs: 120_000,
      ...options,
    }).then(
      () => new Error("connected"),
      (each: Error) => each,
    );
    return { error, requests: impostor.requests };
  } finally {
    await impostor.stop();
  }
};

for (const tls of ["node", "own"] as const) {
  test(`${tls}: a certificate that keeps every rule gets as far as the policy's hash`, async () => {
    const { error, requests } = await attempt(tls, { certificate: isolateCertificate(good) });
    assert.instance(error, ClientError);
    assert.is((error as ClientError).kind, "isolate");
    assert.match(error.message, /works under another policy: 0{64}, ours is [0-9a-f]{64}$/);
    // Nothing but the question for the policy was sent.
    assert.equal(requests, ["requestPolicyHash"]);
  });

  // The MCU client and the browser refuse it as well, and the isolate installs no such certificate.
  test(`${tls}: a certificate by an intermediate of the CA is refused, and nothing is sent`, async () => {
    const intermediate = makeCertificate({ commonName: "Between", ca: true, issuer: authority });
    const certificate = isolateCertificate({ ...good, issuer: intermediate });
    const { error, requests } = await attempt(tls, { certificate, intermediate });
    assert.is((error as ClientError).kind, "isolate", error.message);
    assert.match(error.message, /issued under another name than the policy's CA/);
    assert.equal(requests, []);
  });

  test(`${tls}: each certificate that breaks a rule is refused, and nothing is sent`, async () => {
    for (const [what, certificate, pattern] of refused) {
      const { error, requests } = await attempt(tls, {
        certificate: isolateCertificate(certificate),
      });
      assert.instance(error, ClientError, `${what}: ${error.message}`);
      assert.match(error.message, pattern, what);
      const kind = (error as ClientError).kind;
      // Keys that TLS 1.3 here cannot use fail in the handshake already.
      if (certificate.key === undefined) assert.is(kind, "isolate", `${what}: ${error.message}`);
      assert.equal(requests, [], what);
      assert.not.match(error.message, /\n/);
    }
  });

  test(`${tls}: the policy decides on grade, kind, expiry and fingerprint`, async () => {
    const lenient = policyWith({ allow_development: true });
    const under = { ...good, policyAndScope: pairOf(lenient) };
    const certificate = isolateCertificate({ ...under, lifecycle: 0x4000 });
    const { error } = await attempt(tls, { certificate }, { policy: lenient });
    assert.match(error.message, /works under another policy/);

    const both = policyWith({ runtime_manager_hash_mcu: "09".repeat(32) });
    const asMcu = { ...good, kind: "mcu", policyAndScope: pairOf(both) };
    const mcu = isolateCertificate({ ...asMcu, runtimeHash: Buffer.alloc(32, 9) });
    assert.match(
      (await attempt(tls, { certificate: mcu }, { policy: both })).error.message,
      /another policy/,
    );
    // The hash of one kind is no hash of another.
    const crossed = isolateCertificate(asMcu);
    assert.match(
      (await attempt(tls, { certificate: crossed }, { policy: both })).error.message,
      /the policy wants 0909.* \(mcu\)/,
    );

    const over = policyWith({
      enclave_cert_expiry: { year: 2020, month: 1, day: 1, hour: 0, minute: 0 },
    });
    const expired = await attempt(tls, { certificate: isolateCertificate(good) }, { policy: over });
    assert.match(expired.error.message, /enclave_cert_expiry 2020-01-01 00:00 UTC has passed/);
    assert.equal(expired.requests, []);

    const expectIsolate = "ab".repeat(32);
    const strange = await attempt(
      tls,
      { certificate: isolateCertificate(good) },
      { expectIsolate },
    );
    assert.match(strange.error.message, /its fingerprint is [0-9a-f]{64}, expected was abab/);
    assert.equal(strange.requests, []);
  });

  test(`${tls}: TLS 1.2, and a suite that the policy does not name, are refused`, async () => {
    const certificate = isolateCertificate(good);
    const old = await attempt(tls, { certificate, maxVersion: "TLSv1.2" });
    assert.is((old.error as ClientError).kind, "connection");
    const suite = await attempt(tls, { certificate, ciphers: "TLS_AES_256_GCM_SHA384" });
    assert.is((suite.error as ClientError).kind, "connection");
    assert.equal([...old.requests, ...suite.requests], []);
  });
}

test("a principal that the policy does not name does not even connect", async () => {
  const eve = makeCertificate({ commonName: "eve" });
  const error = await VeracruzClient.connect({
    policy,
    identity: loadIdentity(Buffer.from(eve.pem), eve.keyPem),
    server: { host: "127.0.0.1", port: 1 },
  }).catch((each: Error) => each as ClientError);
  assert.is((error as ClientError).kind, "policy");
  assert.match((error as ClientError).message, /does not name the certificate of eve/);
});

test("a server that cannot be reached, or is none, is told of", async () => {
  const connect = (server: { host: string; port: number }, transport: "connect" | "post") =>
    VeracruzClient.connect({ policy, identity, server, transport, timeoutMs: 120_000 }).catch(
      (each: Error) => each as ClientError,
    );
  for (const transport of ["connect", "post"] as const) {
    const nobody = (await connect({ host: "127.0.0.1", port: 1 }, transport)) as ClientError;
    assert.is(nobody.kind, "connection");
    assert.match(nobody.message, /cannot reach the server at 127\.0\.0\.1:1: nobody listens there/);
  }
  const { createServer } = await import("node:http");
  const plain = createServer((_request, answer) => {
    answer.statusCode = 503;
    answer.end("the isolate is on holiday\n");
  });
  plain.on("connect", (_request, socket) => {
    socket.end("HTTP/1.1 503 Service Unavailable\r\n\r\nthe isolate is on holiday\n");
  });
  await new Promise<void>((resolve) => plain.listen(0, "127.0.0.1", resolve));
  const { port } = plain.address() as { port: number };
  for (const transport of ["connect", "post"] as const) {
    const away = (await connect({ host: "127.0.0.1", port }, transport)) as ClientError;
    assert.is(away.kind, "connection");
    assert.match(away.message, /the isolate is on holiday/);
  }
  plain.close();
});

test.run();
