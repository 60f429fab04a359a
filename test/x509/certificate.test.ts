// Certificates: read like Node's own parser reads them, and refused in each part that is wrong.
import { execFileSync } from "node:child_process";
import { generateKeyPairSync, X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { certificatesFromPem } from "../../host/x509/pem.js";
import { Random } from "../support/random.js";
import { skip } from "../support/shared.js";
import {
  Authority,
  basicConstraints,
  type CertificateOptions,
  certificate,
  clientAuth,
  dnsNames,
  ecdsaWithSha256,
  extension,
  isolateKind,
  keyInfo,
  keyUsage,
  newKey,
  point,
  purposes,
  runtimeHash,
  serverAuth,
  sha256,
} from "./support/certificates.js";
import {
  bitString,
  boolean,
  element,
  integer,
  nothing,
  objectIdentifier,
  octetString,
  sequence,
  set,
  utf8,
} from "./support/der.js";
import { X509Module } from "./support/module.js";

const module = new X509Module();

/** The codes of `assembly/x509/certificate.ts`. */
const Fault = {
  none: 0,
  structure: 1,
  version: 2,
  serial: 3,
  algorithm: 4,
  name: 5,
  validity: 6,
  key: 7,
  extension: 8,
  signature: 9,
} as const;

/** What the module made of a certificate that stays in its memory. */
function read(der: Buffer) {
  const fault = module.get("parse", module.place(der), der.length);
  assert.is(fault, Fault.none, `fault ${fault}`);
  const part = (index: number) => {
    const pointer = module.get("part", index);
    return pointer === 0 ? undefined : module.bytes(pointer, module.get("partLength", index));
  };
  const properties = module.get("properties");
  return {
    tbs: part(0),
    issuer: part(1),
    subject: part(2),
    keyInfo: part(3),
    publicKey: part(4),
    runtimeHash: part(5),
    isolateKind: part(6),
    signature: part(7),
    notBefore: module.get("notBefore"),
    notAfter: module.get("notAfter"),
    keyUsage: module.get("keyUsage"),
    pathLength: module.get("pathLength"),
    commonName: module.bytes(module.get("commonName"), module.get("commonNameLength")).toString(),
    forServers: (properties & 1) !== 0,
    forClients: (properties & 2) !== 0,
    ca: (properties & 4) !== 0,
    ecdsa: (properties & 8) !== 0,
    unknownCritical: (properties & 16) !== 0,
    matches: (host: string) => module.call("matchesDnsName", Buffer.from(host)) === 1,
    signedBy: (key: Buffer) => module.get("isSignedBy", module.place(key)) === 1,
  };
}

/** Reads a certificate and compares with what Node reads. */
function compare(der: Buffer): ReturnType<typeof read> {
  const ours = read(der);
  const theirs = new X509Certificate(der);
  assert.is(ours.notBefore, Date.parse(theirs.validFrom) / 1000);
  assert.is(ours.notAfter, Date.parse(theirs.validTo) / 1000);
  assert.is(ours.ca, theirs.ca);
  assert.equal(ours.keyInfo, theirs.publicKey.export({ type: "spki", format: "der" }));
  for (const host of ["ComputeEnclave.dev", "a.example.com", "example.com", "b.a.example.com"])
    assert.is(ours.matches(host), theirs.checkHost(host, { subject: "never" }) !== undefined, host);
  return ours;
}

const authority = new Authority("Root");

test("a certificate as an isolate has one", () => {
  const key = newKey();
  const hash = sha256(Buffer.from("runtime"));
  const ours = compare(
    authority.issue({
      subject: "isolate",
      key,
      extensions: [
        basicConstraints(false),
        keyUsage(0),
        purposes(serverAuth, clientAuth),
        dnsNames("ComputeEnclave.dev", "*.example.com"),
        runtimeHash(hash),
        isolateKind(Buffer.from("mcu")),
      ],
    }),
  );
  assert.equal(ours.publicKey, point(key));
  assert.equal(ours.runtimeHash, hash);
  assert.equal(ours.isolateKind?.toString(), "mcu");
  assert.is(ours.commonName, "isolate");
  assert.equal([ours.forServers, ours.forClients, ours.ca, ours.ecdsa], [true, true, false, true]);
  assert.is(ours.keyUsage, 1);
  assert.not(ours.unknownCritical);
  assert.ok(ours.signedBy(point(authority.key)));
  assert.not(ours.signedBy(point(key)));
});

test("a CA's certificate", () => {
  const ours = compare(
    new Authority("CA", { extensions: [basicConstraints(true, 3), keyUsage(5, 6)] }).certificate,
  );
  assert.ok(ours.ca);
  assert.is(ours.pathLength, 3);
  assert.is(ours.keyUsage, 0b1100000);
  assert.ok(ours.signedBy(ours.publicKey as Buffer));
  assert.ok(ours.forServers && ours.forClients, "no extKeyUsage: any purpose");
});

test("version 1 has no extensions, version 2 may have unique identifiers", () => {
  const key = newKey();
  assert.is(compare(certificate({ subject: "v1", key, tbs: { version: nothing } })).pathLength, -1);
  const uniqueIds = Buffer.concat([
    element(0x81, Buffer.from([0, 1])),
    element(0x82, Buffer.from([0, 2])),
  ]);
  compare(
    certificate({ subject: "v2", key, tbs: { version: element(0xa0, integer(1)), uniqueIds } }),
  );
});

test("keys and signatures of other kinds are read, but are of no use", () => {
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).publicKey;
  for (const tbs of [
    { keyInfo: rsa.export({ type: "spki", format: "der" }) },
    { keyInfo: keyInfo(newKey("secp384r1")) },
    { keyInfo: generateKeyPairSync("ed25519").publicKey.export({ type: "spki", format: "der" }) },
  ]) {
    const ours = compare(authority.issue({ subject: "other", key: newKey(), tbs }));
    assert.is(ours.publicKey, undefined);
  }
  const rsaWithSha256 = sequence(objectIdentifier("1.2.840.113549.1.1.11"), element(5));
  const ours = read(
    authority.issue({
      subject: "other",
      key: newKey(),
      tbs: { algorithm: rsaWithSha256 },
      algorithm: rsaWithSha256,
    }),
  );
  assert.not(ours.ecdsa);
  assert.not(ours.signedBy(point(authority.key)));
});

test("a key on P-256 in another form is no usable key", () => {
  const compressed = Buffer.concat([Buffer.from([2]), Buffer.alloc(32, 1)]);
  const algorithm = sequence(
    objectIdentifier("1.2.840.10045.2.1"),
    objectIdentifier("1.2.840.10045.3.1.7"),
  );
  const tbs = { keyInfo: sequence(algorithm, bitString(compressed)) };
  assert.is(read(certificate({ subject: "x", key: newKey(), tbs })).publicKey, undefined);
});

test("names: letters, wildcards, and what does not match", () => {
  const named = (...names: string[]) =>
    read(
      authority.issue({
        subject: "ComputeEnclave.dev",
        key: newKey(),
        extensions: [dnsNames(...names)],
      }),
    );
  assert.ok(named("computeenclave.DEV").matches("ComputeEnclave.dev"));
  assert.not(named("other.dev").matches("ComputeEnclave.dev"), "the common name is not looked at");
  assert.not(named("ComputeEnclave.dev.").matches("ComputeEnclave.dev"));
  assert.not(named("ComputeEnclave.dev\0").matches("ComputeEnclave.dev"));
  const wild = named("*.example.com");
  assert.ok(wild.matches("a.example.com"));
  for (const host of [
    "example.com",
    ".example.com",
    "b.a.example.com",
    "aexample.com",
    "a.example.org",
    "",
  ])
    assert.not(wild.matches(host), host);
  for (const pattern of ["a*.example.com", "*a.example.com", "*", "*.", "a.*.com"])
    assert.not(named(pattern).matches("ab.example.com"), pattern);
  // Other kinds of names are passed over.
  const other = sequence(
    element(0x81, Buffer.from("example.com")),
    element(0x87, Buffer.from([127, 0, 0, 1])),
  );
  const ours = read(
    authority.issue({ subject: "x", key: newKey(), extensions: [extension("2.5.29.17", other)] }),
  );
  assert.not(ours.matches("example.com"));
});

test("purposes", () => {
  const of = (...oids: string[]) => {
    const ours = read(
      authority.issue({ subject: "x", key: newKey(), extensions: [purposes(...oids)] }),
    );
    return [ours.forServers, ours.forClients];
  };
  assert.equal(of(serverAuth), [true, false]);
  assert.equal(of(clientAuth), [false, true]);
  assert.equal(of("2.5.29.37.0"), [true, true]);
  assert.equal(of("1.3.6.1.5.5.7.3.3"), [false, false]);
});

test("critical extensions that are not understood, and name constraints, are noticed", () => {
  const of = (...extensions: Buffer[]) =>
    read(authority.issue({ subject: "x", key: newKey(), extensions })).unknownCritical;
  assert.not(of(extension("1.2.3.4", nothing)));
  assert.ok(of(extension("1.2.3.4", nothing, true)));
  assert.ok(of(extension("2.5.29.32", sequence(), true)));
  assert.ok(of(extension("2.5.29.30", sequence())));
  assert.not(of(extension("2.5.30.1", Buffer.alloc(32), true)), "the runtime's hash is known");
});

// ---- Each part wrong ----

function refused(what: string, fault: number, options: Partial<CertificateOptions>): void {
  test(`refused: ${what}`, () => {
    const der = authority.issue({
      subject: "x",
      key: newKey(),
      extensions: [keyUsage(0)],
      ...options,
    });
    assert.is(module.call("parse", der), fault);
  });
}

refused("version 0 stated", Fault.version, { tbs: { version: element(0xa0, integer(0)) } });
refused("version 4", Fault.version, { tbs: { version: element(0xa0, integer(3)) } });
refused("two versions", Fault.version, { tbs: { version: element(0xa0, integer(2), integer(2)) } });
refused("extensions in version 1", Fault.version, { tbs: { version: nothing } });
refused("extensions in version 2", Fault.version, { tbs: { version: element(0xa0, integer(1)) } });
refused("a unique identifier in version 1", Fault.version, {
  tbs: { version: nothing, extensions: nothing, uniqueIds: element(0x81, Buffer.from([0, 1])) },
});
refused("a serial of 22 bytes", Fault.serial, { tbs: { serial: element(2, Buffer.alloc(22, 1)) } });
refused("a serial that is not minimal", Fault.serial, {
  tbs: { serial: element(2, Buffer.from([0, 1])) },
});
refused("an empty serial", Fault.serial, { tbs: { serial: element(2) } });
refused("no serial", Fault.serial, { tbs: { serial: nothing } });
refused("an algorithm without identifier", Fault.algorithm, { tbs: { algorithm: sequence() } });
refused("parameters of ECDSA", Fault.algorithm, {
  tbs: { algorithm: sequence(objectIdentifier("1.2.840.10045.4.3.2"), element(5)) },
});
refused("algorithms that differ", Fault.algorithm, {
  algorithm: sequence(objectIdentifier("1.2.840.10045.4.3.3")),
});
refused("algorithms that differ in parameters", Fault.algorithm, {
  algorithm: sequence(objectIdentifier("1.2.840.10045.4.3.2"), element(5)),
});
refused("an issuer that is no name", Fault.name, { tbs: { issuer: sequence(sequence()) } });
refused("an empty set in a name", Fault.name, { tbs: { subject: sequence(set()) } });
refused("an attribute without value", Fault.name, {
  tbs: { subject: sequence(set(sequence(objectIdentifier("2.5.4.3")))) },
});
refused("an attribute with two values", Fault.name, {
  tbs: { subject: sequence(set(sequence(objectIdentifier("2.5.4.3"), utf8("a"), utf8("b")))) },
});
refused("one time only", Fault.validity, {
  tbs: { validity: sequence(element(0x17, Buffer.from("260101000000Z"))) },
});
refused("three times", Fault.validity, {
  tbs: { validity: sequence(...Array(3).fill(element(0x17, Buffer.from("260101000000Z")))) },
});
refused("a date that does not exist", Fault.validity, {
  tbs: { validity: sequence(...Array(2).fill(element(0x17, Buffer.from("260231000000Z")))) },
});
refused("no key", Fault.key, { tbs: { keyInfo: sequence() } });
refused("a hybrid point", Fault.key, {
  tbs: {
    keyInfo: (() => {
      const info = Buffer.from(keyInfo(newKey()));
      info[26] = 6;
      return info;
    })(),
  },
});
refused("extensions that are empty", Fault.extension, {
  tbs: { extensions: element(0xa3, sequence()) },
});
refused("something behind the extensions' list", Fault.extension, {
  tbs: { extensions: element(0xa3, sequence(keyUsage(0)), element(5)) },
});
refused("something else in place of extensions", Fault.extension, {
  tbs: { extensions: element(0xa4) },
});
refused("something behind the extensions", Fault.structure, {
  tbs: { extensions: Buffer.concat([element(0xa3, sequence(keyUsage(0))), element(5)]) },
});
refused("a signature with unused bits", Fault.signature, {
  signature: () => Buffer.from([0]),
  tbs: {},
  algorithm: Buffer.concat([ecdsaWithSha256, bitString(Buffer.from([0x80]), 7)]),
});

const withExtensions = (...extensions: Buffer[]) => ({ extensions });
for (const [what, ...extensions] of [
  ["the same twice", keyUsage(0), keyUsage(0)],
  ["an unknown one twice", extension("1.2.3", nothing), keyUsage(0), extension("1.2.3", nothing)],
  ["33 of them", ...Array.from({ length: 33 }, (_, i) => extension(`1.2.3.${i}`, nothing))],
  [
    "critical FALSE stated",
    sequence(objectIdentifier("1.2.3"), boolean(false), octetString(nothing)),
  ],
  [
    "critical 01",
    sequence(objectIdentifier("1.2.3"), element(1, Buffer.from([1])), octetString(nothing)),
  ],
  ["no value", sequence(objectIdentifier("1.2.3"))],
  ["two values", sequence(objectIdentifier("1.2.3"), octetString(nothing), octetString(nothing))],
  ["a value that is no octet string", sequence(objectIdentifier("1.2.3"), utf8("x"))],
  ["basicConstraints: cA FALSE stated", extension("2.5.29.19", sequence(boolean(false)))],
  ["basicConstraints: a path length without cA", extension("2.5.29.19", sequence(integer(0)))],
  [
    "basicConstraints: a negative path length",
    extension("2.5.29.19", sequence(boolean(true), element(2, Buffer.from([0xff])))),
  ],
  [
    "basicConstraints: a path length of 128",
    extension("2.5.29.19", sequence(boolean(true), integer(128))),
  ],
  [
    "basicConstraints: something more",
    extension("2.5.29.19", sequence(boolean(true), integer(0), integer(0))),
  ],
  [
    "basicConstraints: something behind it",
    extension("2.5.29.19", Buffer.concat([sequence(), element(5)])),
  ],
  ["basicConstraints: empty", extension("2.5.29.19", nothing)],
  ["keyUsage: no bit", extension("2.5.29.15", bitString(nothing))],
  ["keyUsage: no BIT STRING", extension("2.5.29.15", octetString(Buffer.from([0x80])))],
  [
    "keyUsage: something behind it",
    extension("2.5.29.15", Buffer.concat([bitString(Buffer.from([0x80]), 7), element(5)])),
  ],
  ["extKeyUsage: empty", extension("2.5.29.37", sequence())],
  ["extKeyUsage: no identifier in it", extension("2.5.29.37", sequence(utf8("x")))],
  ["subjectAltName: empty", extension("2.5.29.17", sequence())],
  ["subjectAltName: malformed", extension("2.5.29.17", sequence(Buffer.from([0x82, 5])))],
  [
    "subjectAltName: something behind it",
    extension("2.5.29.17", Buffer.concat([sequence(element(0x82, Buffer.from("a"))), element(5)])),
  ],
  ["runtime hash: 31 bytes", runtimeHash(Buffer.alloc(31))],
  ["runtime hash: an OCTET STRING in it", runtimeHash(octetString(Buffer.alloc(32)))],
] as [string, ...Buffer[]][])
  refused(`extension, ${what}`, Fault.extension, withExtensions(...extensions));

test("refused: anything cut off, or put behind", () => {
  const der = authority.issue({
    subject: "x",
    key: newKey(),
    extensions: [dnsNames("a.b"), keyUsage(0)],
  });
  assert.is(module.call("parse", der), Fault.none);
  for (let length = 0; length < der.length; length++)
    assert.not.equal(module.call("parse", der.subarray(0, length)), Fault.none);
  assert.is(module.call("parse", Buffer.concat([der, Buffer.from([0])])), Fault.structure);
  assert.is(module.call("parse", Buffer.concat([der, der])), Fault.structure);
});

test("a changed byte in what is signed, or in the signature, is found", () => {
  const der = authority.issue({ subject: "x", key: newKey(), extensions: [dnsNames("a.b")] });
  const key = module.place(point(authority.key));
  let parsed = 0;
  for (let at = 4; at < der.length; at++) {
    const changed = Buffer.from(der);
    changed[at] = (changed[at] as number) ^ (1 << (at % 8));
    const place = module.place(changed);
    if (module.get("parse", place, changed.length) !== Fault.none) continue;
    parsed++;
    assert.is(module.get("isSignedBy", key), 0, `byte ${at}`);
  }
  assert.ok(parsed > 50, `${parsed} still parse`);
});

test("mutated certificates never trap", () => {
  const random = new Random(7);
  const key = module.place(point(authority.key));
  const originals = [
    authority.certificate,
    authority.issue({
      subject: "x",
      key: newKey(),
      extensions: [
        basicConstraints(true, 1),
        keyUsage(0, 5),
        purposes(serverAuth),
        dnsNames("a.b", "*.c"),
        runtimeHash(Buffer.alloc(32)),
      ],
    }),
  ];
  let accepted = 0;
  for (let run = 0; run < 20_000; run++) {
    let der = Buffer.from(random.pick(originals));
    for (let changes = 1 + random.below(4); changes > 0; changes--) {
      const at = random.below(der.length);
      const kind = random.below(4);
      if (kind === 0) der[at] = random.below(256);
      else if (kind === 1) der[at] = (der[at] as number) ^ (1 << random.below(8));
      else if (kind === 2)
        der = Buffer.concat([der.subarray(0, at), der.subarray(at + 1 + random.below(8))]);
      else
        der = Buffer.concat([
          der.subarray(0, at),
          random.bytes(1 + random.below(8)),
          der.subarray(at),
        ]);
      if (der.length === 0) break;
    }
    if (module.call("exercise", der, key) === Fault.none) accepted++;
    if (run % 500 === 0) module.get("collect");
  }
  assert.ok(accepted > 100, `${accepted} were still certificates`);
});

// ---- Certificates that other tools make ----

const folder = mkdtempSync(join(tmpdir(), "veracruz-x509-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

/** What a command printed, or undefined where it failed or is missing. */
function tool(command: string, args: string[]): string | undefined {
  try {
    return execFileSync(command, args, {
      cwd: folder,
      stdio: ["ignore", "pipe", "ignore"],
      encoding: "utf8",
    });
  } catch {
    return undefined;
  }
}

if (tool("openssl", ["version"]) === undefined) skip(2, "the command openssl is missing");
else {
  test("made by openssl req", () => {
    for (const options of [
      [
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-addext",
        "subjectAltName=DNS:ComputeEnclave.dev,DNS:*.example.com,IP:127.0.0.1",
      ],
      ["-newkey", "rsa:2048", "-addext", "keyUsage=critical,digitalSignature,keyCertSign"],
      ["-newkey", "ed25519", "-addext", "extendedKeyUsage=serverAuth,clientAuth"],
    ]) {
      const pem = tool("openssl", [
        "req",
        "-x509",
        "-utf8",
        "-nodes",
        "-days",
        "9",
        "-subj",
        "/C=GB/O=Principals/CN=Åsa",
        ...options,
        "-keyout",
        "key.pem",
      ]);
      const ours = compare(certificatesFromPem(pem ?? "")[0] as Buffer);
      assert.is(ours.commonName, "Åsa");
    }
  });

  test("a chain of openssl's verifies", () => {
    const ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    tool("openssl", [
      "req",
      "-x509",
      ...ec,
      "-subj",
      "/CN=ca",
      "-keyout",
      "ca.key",
      "-out",
      "ca.pem",
    ]);
    tool("openssl", ["req", ...ec, "-subj", "/CN=leaf", "-keyout", "leaf.key", "-out", "leaf.csr"]);
    tool("openssl", [
      "x509",
      "-req",
      "-in",
      "leaf.csr",
      "-CA",
      "ca.pem",
      "-CAkey",
      "ca.key",
      "-CAcreateserial",
      "-out",
      "leaf.pem",
    ]);
    const [ca] = certificatesFromPem(readFileSync(join(folder, "ca.pem"), "utf8")) as [Buffer];
    const [leaf] = certificatesFromPem(readFileSync(join(folder, "leaf.pem"), "utf8")) as [Buffer];
    const { publicKey } = compare(ca);
    assert.ok(compare(leaf).signedBy(publicKey as Buffer));
  });
}

if (tool("certtool", ["--version"]) === undefined)
  skip(1, "the command certtool is missing (Debian package gnutls-bin)");
else
  test("made by GnuTLS's certtool", () => {
    tool("certtool", [
      "--generate-privkey",
      "--key-type",
      "ecdsa",
      "--curve",
      "secp256r1",
      "--outfile",
      "gnutls.key",
    ]);
    const template =
      "cn = principal\nca\nexpiration_days = 9\nsigning_key\ncert_signing_key\ntls_www_client\ndns_name = ComputeEnclave.dev\n";
    writeFileSync(join(folder, "template"), template);
    const pem = tool("certtool", [
      "--generate-self-signed",
      "--load-privkey",
      "gnutls.key",
      "--template",
      "template",
    ]);
    const ours = compare(certificatesFromPem(pem ?? "")[0] as Buffer);
    assert.equal([ours.forServers, ours.forClients, ours.ca], [false, true, true]);
    assert.ok(ours.signedBy(ours.publicKey as Buffer));
  });

test.run();
