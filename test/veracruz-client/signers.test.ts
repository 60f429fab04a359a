// Principals whose keys are elsewhere: behind a command, in a PKCS#11 token, in WebCrypto where nobody can extract it.

import { spawnSync } from "node:child_process";
import {
  createPrivateKey,
  generateKeyPairSync,
  sign,
  webcrypto,
  X509Certificate,
} from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { freePort } from "../../host/common/free-port.js";
import { projectRoot, wasmPath } from "../../host/common/paths.js";
import { type ConnectOptions, VeracruzClient } from "../../host/veracruz-client/client.js";
import { ClientError } from "../../host/veracruz-client/errors.js";
import { signingIdentity } from "../../host/veracruz-client/identity.js";
import {
  commandSigner,
  keySigner,
  type Signer,
  webCryptoSigner,
} from "../../host/veracruz-client/signers.js";
import { Policy } from "../../host/veracruz-utils/policy.js";
import { signatureFromDer, signatureToDer } from "../../host/x509/ecdsa-signature.js";
import { certificateBy } from "../../host/x509/new-principal.js";
import { exampleData } from "../support/example-data.js";
import { skip } from "../support/shared.js";
import { Desk } from "../veracruz/people.js";

const desk = new Desk();
const data = exampleData("string-edit-distance");
desk.write("distance.wasm", readFileSync(wasmPath("examples/string-edit-distance")));
desk.write("one", data["input-0"] as Uint8Array);
desk.write("two", data["input-1"] as Uint8Array);
test.after(async () => {
  await desk.run("up", "policy.json", "--stop");
  desk.remove();
});

/** A signer as a program of somebody else's: it answers in DER, as OpenSSL does. */
desk.write(
  "signer.mjs",
  `import { sign } from "node:crypto"; import { readFileSync } from "node:fs";
  process.stdout.write(sign("sha256", readFileSync(0), readFileSync(process.argv[2], "utf8")));`,
);
function keyFile(name: string): { publicKey: string } {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  desk.write(`${name}.key`, privateKey.export({ type: "pkcs8", format: "pem" }));
  desk.write(`${name}.pub`, publicKey.export({ type: "spki", format: "pem" }));
  return { publicKey: `${name}.pub` };
}
const scriptSigner = (name: string) =>
  `${process.execPath} ${desk.path("signer.mjs")} ${desk.path(`${name}.key`)}`;

/** Debian's places for SoftHSM's library. */
const softhsm = [
  "/usr/lib/softhsm/libsofthsm2.so",
  "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
].find((path) => existsSync(path));
const hasToken =
  softhsm !== undefined &&
  spawnSync("pkcs11-tool", ["--version"], { stdio: "ignore" }).error === undefined;
if (!hasToken)
  skip(0, "opensc and softhsm2 are not installed: a key in a file stands for the token");

/** A token with a key in it, and the command that signs with it. */
function token(): { publicKey: string; signer: string } {
  mkdirSync(desk.path("tokens"));
  desk.write(
    "softhsm2.conf",
    `directories.tokendir = ${desk.path("tokens")}\nobjectstore.backend = file\n`,
  );
  Object.assign(desk.environment, {
    SOFTHSM2_CONF: desk.path("softhsm2.conf"),
    VERACRUZ_PIN: "1234",
  });
  const tool = (...args: string[]) => {
    const { status, stderr } = spawnSync("pkcs11-tool", ["--module", softhsm as string, ...args], {
      env: desk.environment,
      encoding: "utf8",
    });
    assert.is(status, 0, stderr);
  };
  const init = [
    "--init-token",
    "--free",
    "--label",
    "hospital",
    "--so-pin",
    "0000",
    "--pin",
    "1234",
  ];
  const { status, stderr } = spawnSync("softhsm2-util", init, {
    env: desk.environment,
    encoding: "utf8",
  });
  assert.is(status, 0, stderr);
  const login = ["--login", "--pin", "1234"];
  tool(...login, "--keypairgen", "--key-type", "EC:prime256v1", "--id", "01", "--label", "carol");
  tool("--read-object", "--type", "pubkey", "--id", "01", "--output-file", desk.path("carol.der"));
  const command = join(projectRoot, "build/js/host/veracruz-client/pkcs11-signer.js");
  const pem = spawnSync(
    "openssl",
    ["pkey", "-pubin", "-inform", "DER", "-in", desk.path("carol.der")],
    {
      encoding: "utf8",
    },
  ).stdout;
  desk.write("carol.pub", pem);
  return {
    publicKey: "carol.pub",
    signer: `${process.execPath} ${command} --module ${softhsm} --id 01`,
  };
}

const bob = { ...keyFile("bob"), signer: scriptSigner("bob") };
const carol = hasToken ? token() : { ...keyFile("carol"), signer: scriptSigner("carol") };
await desk.init("alice");
for (const [name, { publicKey, signer }] of Object.entries({ bob, carol })) {
  const { code, out, err } = await desk.run(
    "init",
    "--as",
    name,
    "--signer",
    signer,
    "--public-key",
    publicKey,
  );
  if (code !== 0) throw new Error(err);
  desk.write(`${name}.contact`, out);
}
const webKey = (await webcrypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, [
  "sign",
  "verify",
])) as webcrypto.CryptoKeyPair;
const dave = webCryptoSigner(webKey.privateKey);
const davesSpki = new Uint8Array(await webcrypto.subtle.exportKey("spki", webKey.publicKey));
const davesCertificate = await certificateBy("dave", davesSpki, (content) => dave.sign(content), 1);
desk.write("dave.pem", davesCertificate);
const [server, attestation] = [await freePort(), await freePort()];
desk.write(
  "plan.yaml",
  `parties:
  alice: {contact: alice.contact, sends: distance.wasm}
  bob: {contact: bob.contact, sends: input-0}
  carol: {contact: carol.contact, sends: input-1}
  dave: {contact: dave.pem, reads: output}
programs: {distance.wasm: distance.wasm}
server: 127.0.0.1:${server}
attestation: {server: "127.0.0.1:${attestation}"}
`,
);
for (const words of [
  "plan plan.yaml",
  ...["alice", "bob", "carol"].map((name) => `review policy.json --as ${name} --accept`),
  "up policy.json --detach",
]) {
  const { code, err } = await desk.run(...words.split(" "));
  if (code !== 0) throw new Error(`${words}: ${err}`);
}
const policy = new Policy(readFileSync(desk.path("policy.json")));
const connect = (signer: Signer, more: Partial<ConnectOptions> = {}) => {
  const identity = signingIdentity(Buffer.from(davesCertificate), signer);
  return VeracruzClient.connect({ policy, identity, ...more });
};

test("with a signer, no key is kept here", () => {
  for (const name of ["bob", "carol"]) {
    const files = readdirSync(desk.path("config/veracruz/people", name));
    assert.equal(files.sort(), ["accepted", "contact.pem", "signer.json"]);
  }
  const contact = new X509Certificate(desk.read("carol.contact"));
  assert.ok(contact.verify(contact.publicKey));
});

test("keys in a file, behind a command, in a token and in WebCrypto take part in one computation", async () => {
  for (const words of [
    "send --as alice distance.wasm distance.wasm",
    "send --as bob input-0 one",
    "send --as carol input-1 two",
    "status --as carol",
  ]) {
    const { code, err } = await desk.run(...words.split(" "));
    assert.is(code, 0, `${words}: ${err}`);
  }
  for (const transport of ["connect", "post"] as const) {
    const client = await connect(dave, { transport });
    assert.equal(
      new Uint8Array(await client.read()),
      new Uint8Array(data["expected-1"] as Uint8Array),
    );
    await client.close();
  }
});

const failure = async (signer: Signer, more: Partial<ConnectOptions> = {}) => {
  try {
    await (await connect(signer, more)).close();
  } catch (error) {
    if (error instanceof ClientError) return `${error.kind}: ${error.message}`;
    throw error;
  }
  throw new Error("it connected");
};

test("a signer that fails, or signs with another key, is said to be at fault", async () => {
  const other = createPrivateKey(desk.read("bob.key"));
  assert.match(
    await failure(keySigner(other)),
    /^usage: the signer has another key than that of the certificate/,
  );
  const node = process.execPath;
  // Only the one that never ends is not given all the time that a busy machine takes.
  for (const [program, expected, timeoutMs = 120_000] of [
    [`process.exit(3)`, /^usage: the signer ".*" ended with exit code 3$/],
    [`console.log("no signature")`, /answered with 13 bytes: expected a signature of P-256/],
    [`setInterval(() => {}, 1000)`, /ended with signal SIGTERM/, 1_500],
    [`process.kill(process.pid, "SIGKILL")`, /ended with signal SIGKILL/],
  ] as const)
    assert.match(await failure(commandSigner([node, "-e", program], timeoutMs)), expected);
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
  const before = timers();
  assert.match(await failure(commandSigner(["/no/such/command"])), /cannot be started/);
  assert.is(timers(), before, "a timer keeps the process from its end");
  assert.match(await failure(dave, { tls: "node" }), /^usage: the TLS of Node\.js takes no signer/);
});

test("a signer that fails in the middle of the handshake ends the session with its own reason", async () => {
  let calls = 0;
  const once: Signer = {
    async sign(content) {
      // The first signature is that of the request for the session.
      if (++calls > 1) throw new ClientError("usage", "the token was pulled out");
      return dave.sign(content);
    },
  };
  assert.is(await failure(once), "usage: the token was pulled out");
  assert.is(calls, 2);
});

test("the signer sees a request for a session and what TLS 1.3 has a client sign, and nothing else", async () => {
  const seen: Uint8Array[] = [];
  const watched: Signer = {
    sign(content) {
      seen.push(content);
      return dave.sign(content);
    },
  };
  const client = await connect(watched);
  await client.close();
  assert.is(seen.length, 2);
  // First the request for a session, by RFC 9421.
  assert.match(
    Buffer.from(seen[0] as Uint8Array).toString("latin1"),
    /^"@method": CONNECT\n"@authority": /,
  );
  const text = Buffer.from(seen[1] as Uint8Array).toString("latin1");
  assert.is(text.length, 130);
  assert.is(text.slice(0, 98), `${" ".repeat(64)}TLS 1.3, client CertificateVerify\0`);
});

test("init refuses a signer whose key is not the public key, and leaves nothing", async () => {
  keyFile("mallory");
  const { code, err } = await desk.run(
    ...["init", "--as", "mallory", "--signer", scriptSigner("bob"), "--public-key", "mallory.pub"],
  );
  assert.is(code, 2);
  assert.match(err, /the signer has another key than --public-key/);
  assert.not.ok(existsSync(desk.path("config/veracruz/people/mallory")));
});

test("signatures in DER and in 64 bytes say the same", () => {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  for (let turn = 0; turn < 200; turn++) {
    const der = new Uint8Array(sign("sha256", Buffer.of(turn), privateKey));
    const raw = signatureFromDer(der) as Uint8Array;
    assert.is(raw.length, 64);
    assert.equal(signatureToDer(raw), der);
    assert.is(signatureFromDer(der.subarray(1)), undefined);
    assert.is(signatureFromDer(Buffer.concat([der, Buffer.of(0)])), undefined);
  }
});

test.run();
