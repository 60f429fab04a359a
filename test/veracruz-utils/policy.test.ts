import { createHash } from "node:crypto";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { encodeScope } from "../../host/continuity/scope.js";
import {
  type FileRights,
  may,
  Policy,
  type PolicyDocument,
  PolicyError,
  policyDefaults,
  scopeOf,
} from "../../host/veracruz-utils/policy.js";
import { certificateFromPem } from "../../host/x509/principal-certificate.js";
import { der, makeCertificate } from "../support/certificates.js";
import { unusablePrincipals, usable } from "../support/unusable-principals.js";
import { IsolatePolicy } from "./isolate-policy.js";
import { alice, authority, carol, fullPolicy, samplePolicy, textOf } from "./sample-policies.js";

const isolate = new IsolatePolicy();
const codes = isolate.constants("POLICY_");
const suites: Record<string, number> = {
  TLS1_3_AES_128_GCM_SHA256: 0x1301,
  TLS1_3_CHACHA20_POLY1305_SHA256: 0x1303,
};

/** Asserts that the isolate has understood each value of the policy as it stands in the document. */
function sameAsUnderstood(document: PolicyDocument): void {
  assert.is(isolate.call("identityCount"), document.identities.length);
  assert.is(isolate.call("programCount"), document.programs.length);
  const entries = [...document.identities, ...document.programs];
  const names = new Set([
    ...entries.flatMap((entry) => entry.file_rights.map(({ file_name }) => file_name)),
    ...document.programs.map(({ program_file_name }) => program_file_name),
    "input-77",
    "nowhere",
  ]);
  const bits = (entry: { file_rights: FileRights[] }, name: string) =>
    (may(entry, "r", name) ? 1 : 0) | (may(entry, "w", name) ? 2 : 0);
  for (const name of names) {
    const file = isolate.ask("findFile", name);
    assert.is(file < 0, name === "input-77" || name === "nowhere", name);
    document.identities.forEach((identity, index) => {
      assert.is(isolate.call("identityRights", index, file), bits(identity, name));
    });
    document.programs.forEach((program, index) => {
      assert.is(isolate.call("programRights", index, file), bits(program, name));
    });
    const readers = document.identities.filter((identity) => may(identity, "r", name));
    assert.is(isolate.call("countReaders", file), readers.length);
    const [, kind, number] = /^(input|stream)-(\d+)$/.exec(name) ?? [];
    if (kind !== undefined) {
      assert.is(isolate.call("findNumbered", kind === "input" ? 1 : 2, Number(number)), file);
    }
  }
  assert.is(isolate.call("findOutput"), isolate.ask("findFile", "output"));
  document.identities.forEach(({ id, certificate }, index) => {
    assert.is(isolate.call("identityId", index) >>> 0, id);
    const der = certificateFromPem(certificate);
    assert.is(isolate.ask("findIdentity", der), index);
    assert.is(isolate.ask("findIdentity", der.subarray(1)), -1);
  });
  document.programs.forEach(({ id, program_file_name, pi_hash, file_rights }, index) => {
    assert.is(isolate.call("programId", index), id);
    assert.is(isolate.ask("findProgram", program_file_name), index);
    assert.equal(
      isolate.bytes(isolate.call("programHash", index), 32),
      Buffer.from(pi_hash, "hex"),
    );
    const count = (pattern: RegExp) =>
      file_rights.filter(({ file_name }) => pattern.test(file_name)).length;
    assert.is(isolate.call("programInputs", index), count(/^input-/));
    assert.is(isolate.call("programStreams", index), count(/^stream-/));
  });
  assert.is(isolate.ask("findProgram", ""), document.programs.length === 1 ? 0 : -1);
  assert.is(isolate.ask("findProgram", "x"), -1);

  const limits = { ...policyDefaults, ...document.execution_limits };
  const jit = document.execution_strategy === "JIT";
  const { year, month, day, hour, minute } = document.enclave_cert_expiry;
  [
    // Compiled programs are counted only where the policy says so.
    jit && document.execution_limits?.fuel === undefined ? 0 : limits.fuel,
    limits.deadline_ms,
    limits.memory_bytes,
    limits.stack_bytes,
    limits.output_bytes,
    limits.file_bytes,
    document.max_rounds ?? policyDefaults.max_rounds,
    document.max_failed_runs ?? policyDefaults.max_failed_runs,
    Number(document.debug),
    Number(document.allow_development ?? false),
    Number(jit),
    suites[document.ciphersuite],
    year,
    month,
    day,
    hour,
    minute,
    document.max_restarts ?? policyDefaults.max_restarts,
    Number(document.key_exchange === "hybrid-required"),
  ].forEach((value, number) => {
    assert.is(isolate.call("setting", number), value, `setting ${number}`);
  });
  [
    Buffer.from(document.veracruz_server_url),
    Buffer.from(document.proxy_attestation_server_url),
    certificateFromPem(document.proxy_service_cert),
    Buffer.from(document.runtime_manager_hash_linux ?? "", "hex"),
    Buffer.from(document.runtime_manager_hash_mcu ?? "", "hex"),
    Buffer.from(document.computation_id ?? "", "hex"),
    Buffer.from(encodeScope(scopeOf(document))),
  ].forEach((value, number) => {
    const pointer = isolate.call("bytesOf", number);
    assert.equal(isolate.bytes(pointer, isolate.call("lengthOf", number)), value);
  });
}

test("a valid policy is understood whole", () => {
  const noOutput = samplePolicy();
  noOutput.programs = [];
  noOutput.identities.splice(2);
  noOutput.identities[0]?.file_rights.splice(0, 1);
  const boundedJit: PolicyDocument = { ...fullPolicy(), execution_strategy: "JIT" };
  const jit: PolicyDocument = { ...fullPolicy(), execution_strategy: "JIT" };
  delete jit.execution_limits?.fuel;
  const { computation_id: _, ...noId } = samplePolicy();
  const { key_exchange: __, ...classical } = samplePolicy();
  const documents = [samplePolicy(), fullPolicy(), jit, boundedJit, noOutput, noId, classical];
  for (const document of documents) {
    assert.is(isolate.parse(textOf(document)), 0);
    sameAsUnderstood(document);
    const policy = new Policy(textOf(document));
    assert.equal(policy.document, document);
  }
});

test("the keys may come in any order, the text in any layout, with escapes", () => {
  const reverse = (value: unknown): unknown =>
    Array.isArray(value)
      ? value.map(reverse)
      : value !== null && typeof value === "object"
        ? Object.fromEntries(
            Object.entries(value)
              .reverse()
              .map(([key, inner]) => [key, reverse(inner)]),
          )
        : value;
  const document = fullPolicy();
  const plain = JSON.stringify(document);
  const escaped = plain
    .replaceAll("input-0", "\\u0069nput\\u002D0")
    .replaceAll('"rights"', '"r\\u0069ghts"')
    .replaceAll("/", "\\/");
  const spaced = JSON.stringify(document, null, "\t").replaceAll("\n", "\r\n \t");
  for (const text of [JSON.stringify(reverse(document)), plain, escaped, ` \n${spaced}\r\n`]) {
    assert.is(isolate.parse(Buffer.from(text)), 0, text);
    sameAsUnderstood(document);
    assert.equal(new Policy(Buffer.from(text)).document, document);
  }
});

test("host and isolate have the same defaults", () => {
  const defaults = isolate.constants("DEFAULT_");
  assert.equal(
    Object.fromEntries(
      Object.entries(policyDefaults).map(([key, value]) => [`DEFAULT_${key.toUpperCase()}`, value]),
    ),
    Object.fromEntries(defaults),
  );
});

test("the hash is over the exact bytes, the expiry is in UTC", () => {
  const text = textOf(samplePolicy());
  const policy = new Policy(text);
  assert.equal(policy.hash, createHash("sha256").update(text).digest());
  assert.not.equal(new Policy(Buffer.concat([text, Buffer.from("\n")])).hash, policy.hash);
  assert.is(policy.expiry.toISOString(), "2099-12-31T23:59:00.000Z");
  assert.is(policy.identityOf(carol.der)?.id, 7);
  assert.is(policy.identityOf(authority.der), undefined);
  assert.is(policy.runtimeHash("linux")?.length, 32);
  assert.is(policy.runtimeHash("mcu"), undefined);
  assert.is(policy.runtimeHash("sgx"), undefined);
});

type Bend = (policy: Record<string, unknown> & PolicyDocument) => void;

const instanceId = (number: number) => `01${number.toString(16).padStart(64, "0")}`;

function bendMinimum(policy: PolicyDocument, bend: object): void {
  Object.assign(policy, { minimum_versions: [{ component: "ARoT", version: "1.2", ...bend }] });
}

/** One way to be invalid: how a valid policy is bent, the code, and where the error says it is. */
const bends: [string, string, string, Bend][] = [
  ["unknown key", "UNKNOWN_KEY", "", (p) => Object.assign(p, { colour: 1 })],
  [
    "unknown key in an identity",
    "UNKNOWN_KEY",
    "identities[1]",
    (p) => Object.assign(p.identities[1] as object, { name: "bob" }),
  ],
  ["a key's longer cousin", "UNKNOWN_KEY", "", (p) => Object.assign(p, { debugs: true })],
  [
    "unknown key in an expiry",
    "UNKNOWN_KEY",
    "enclave_cert_expiry",
    (p) => Object.assign(p.enclave_cert_expiry, { second: 1 }),
  ],
  [
    "unknown limit",
    "UNKNOWN_KEY",
    "execution_limits",
    (p) => Object.assign(p, { execution_limits: { gas: 1 } }),
  ],
  [
    "a computation ID of 15 bytes",
    "COMPUTATION_ID",
    "computation_id",
    (p) => Object.assign(p, { computation_id: "00".repeat(15) }),
  ],
  [
    "a computation ID that is no hexadecimal",
    "COMPUTATION_ID",
    "computation_id",
    (p) => Object.assign(p, { computation_id: "0g".repeat(16) }),
  ],
  [
    "1001 restarts",
    "NUMBER_RANGE",
    "max_restarts",
    (p) => Object.assign(p, { max_restarts: 1001 }),
  ],
  [
    "no device at all",
    "NO_INSTANCE",
    "instance_ids",
    (p) => Object.assign(p, { instance_ids: [] }),
  ],
  [
    "33 devices",
    "TOO_MANY_INSTANCES",
    "instance_ids[32]",
    (p) =>
      Object.assign(p, {
        instance_ids: Array.from({ length: 33 }, (_, i) => instanceId(i)),
      }),
  ],
  [
    "a device twice",
    "DUPLICATE_INSTANCE",
    "instance_ids[1]",
    (p) => Object.assign(p, { instance_ids: [instanceId(0xab), instanceId(0xab).toUpperCase()] }),
  ],
  [
    "an instance ID of another type",
    "INSTANCE_ID",
    "instance_ids[0]",
    (p) => Object.assign(p, { instance_ids: [`02${"00".repeat(32)}`] }),
  ],
  [
    "an instance ID too short",
    "INSTANCE_ID",
    "instance_ids[0]",
    (p) => Object.assign(p, { instance_ids: ["01"] }),
  ],
  [
    "five minimum versions",
    "TOO_MANY_VERSIONS",
    "minimum_versions[4]",
    (p) =>
      Object.assign(p, {
        minimum_versions: ["a", "b", "c", "d", "e"].map((component) => ({
          component,
          version: "1",
        })),
      }),
  ],
  [
    "a component twice",
    "DUPLICATE_COMPONENT",
    "minimum_versions[1].component",
    (p) =>
      Object.assign(p, {
        minimum_versions: [
          { component: "ARoT", version: "1" },
          { component: "ARoT", version: "2" },
        ],
      }),
  ],
  [
    "a component's name with a space",
    "COMPONENT",
    "minimum_versions[0].component",
    (p) => bendMinimum(p, { component: "A RoT" }),
  ],
  [
    "a component without a version",
    "MISSING_KEY",
    "minimum_versions[0]",
    (p) => Object.assign(p, { minimum_versions: [{ component: "ARoT" }] }),
  ],
  ...[
    "",
    ".",
    "1.",
    ".1",
    "1..2",
    "01",
    "1.2.3.4.5",
    "65536",
    "1.2b",
    "-1",
    "11111.11111.11111",
  ].map((version): [string, string, string, Bend] => [
    `the version ${JSON.stringify(version)}`,
    "VERSION",
    "minimum_versions[0].version",
    (p) => bendMinimum(p, { version }),
  ]),
  ["no identities key", "MISSING_KEY", "", (p) => delete (p as Partial<PolicyDocument>).identities],
  ["no debug key", "MISSING_KEY", "", (p) => delete (p as Partial<PolicyDocument>).debug],
  [
    "no id",
    "MISSING_KEY",
    "programs[0]",
    (p) => delete (p.programs[0] as Partial<PolicyDocument["programs"][0]>).id,
  ],
  [
    "identities as an object",
    "NOT_ARRAY",
    "identities",
    (p) => Object.assign(p, { identities: {} }),
  ],
  [
    "an identity as a list",
    "NOT_OBJECT",
    "identities[0]",
    (p) => Object.assign(p, { identities: [[]] }),
  ],
  ["no identity", "NO_IDENTITY", "identities", (p) => p.identities.splice(0)],
  ["debug as a number", "NOT_BOOLEAN", "debug", (p) => Object.assign(p, { debug: 1 })],
  ["debug as text", "NOT_BOOLEAN", "debug", (p) => Object.assign(p, { debug: "true" })],
  ["debug null", "NOT_BOOLEAN", "debug", (p) => Object.assign(p, { debug: null })],
  ["id as text", "NOT_INTEGER", "identities[0].id", (p) => bendIdentity(p, { id: "0" })],
  ["negative id", "NOT_INTEGER", "identities[0].id", (p) => bendIdentity(p, { id: -1 })],
  ["id with a fraction", "NOT_INTEGER", "identities[0].id", (p) => bendIdentity(p, { id: 1.5 })],
  ["id of 33 bits", "NUMBER_RANGE", "identities[0].id", (p) => bendIdentity(p, { id: 2 ** 32 })],
  ["huge id", "NOT_INTEGER", "identities[0].id", (p) => bendIdentity(p, { id: 1e300 })],
  ["id of 20 digits", "NUMBER_RANGE", "identities[0].id", (p) => bendIdentity(p, { id: 1e20 })],
  ["duplicate id", "DUPLICATE_ID", "identities[1].id", (p) => bendIdentity(p, { id: 0 }, 1)],
  [
    "duplicate id of programs",
    "DUPLICATE_ID",
    "programs[1].id",
    (p) => p.programs.push({ ...structuredClone(programOf(p)), program_file_name: "b" }),
  ],
  [
    "duplicate certificate",
    "DUPLICATE_CERTIFICATE",
    "identities[1].certificate",
    (p) => bendIdentity(p, { certificate: alice.pem }, 1),
  ],
  [
    "duplicate program",
    "DUPLICATE_PROGRAM",
    "programs[1].program_file_name",
    (p) => p.programs.push({ ...structuredClone(programOf(p)), id: 5 }),
  ],
  [
    "rights given twice",
    "DUPLICATE_RIGHT",
    "identities[1].file_rights[1].file_name",
    (p) => p.identities[1]?.file_rights.push({ file_name: "input-1", rights: "r" }),
  ],
  [
    "certificate as a list",
    "NOT_STRING",
    "identities[0].certificate",
    (p) => bendIdentity(p, { certificate: [] }),
  ],
  [
    "certificate empty",
    "PEM",
    "identities[0].certificate",
    (p) => bendIdentity(p, { certificate: "" }),
  ],
  [
    "text before the certificate",
    "PEM",
    "identities[0].certificate",
    (p) => bendIdentity(p, { certificate: `x\n${alice.pem}` }),
  ],
  [
    "text after the certificate",
    "PEM",
    "identities[0].certificate",
    (p) => bendIdentity(p, { certificate: `${alice.pem}x` }),
  ],
  [
    "two certificates",
    "PEM",
    "identities[0].certificate",
    (p) => bendIdentity(p, { certificate: alice.pem + carol.pem }),
  ],
  [
    "a space in the base64",
    "PEM",
    "identities[0].certificate",
    (p) => bendIdentity(p, { certificate: alice.pem.replace("MII", "MII ") }),
  ],
  [
    "a base64 digit less",
    "PEM",
    "identities[0].certificate",
    (p) => bendIdentity(p, { certificate: alice.pem.replace("MII", "MI") }),
  ],
  [
    "padding in the middle",
    "PEM",
    "identities[0].certificate",
    (p) => bendIdentity(p, { certificate: alice.pem.replace("MIIB", "MI==") }),
  ],
  [
    "stray bits after the end",
    "PEM",
    "identities[0].certificate",
    (p) => bendIdentity(p, { certificate: pem("MAB=") }),
  ],
  [
    "no line end after the marker",
    "PEM",
    "identities[0].certificate",
    (p) => bendIdentity(p, { certificate: alice.pem.replace("-----\nM", "-----M") }),
  ],
  [
    "another kind of PEM",
    "PEM",
    "identities[0].certificate",
    (p) => bendIdentity(p, { certificate: alice.pem.replaceAll("CERTIFICATE", "PUBLIC KEY") }),
  ],
  [
    "PEM of something else",
    "CERTIFICATE",
    "identities[0].certificate",
    (p) => bendIdentity(p, { certificate: pem("AAAA") }),
  ],
  [
    "DER cut short",
    "CERTIFICATE",
    "identities[0].certificate",
    (p) => bendIdentity(p, { certificate: pem(alice.der.subarray(0, 99).toString("base64")) }),
  ],
  [
    "bytes after the DER",
    "CERTIFICATE",
    "identities[0].certificate",
    (p) =>
      bendIdentity(p, {
        certificate: pem(Buffer.concat([alice.der, Buffer.alloc(3)]).toString("base64")),
      }),
  ],
  [
    "certificate too large",
    "CERTIFICATE",
    "identities[0].certificate",
    (p) =>
      bendIdentity(p, {
        certificate: pem(
          Buffer.concat([Buffer.from("30821003", "hex"), Buffer.alloc(4099)]).toString("base64"),
        ),
      }),
  ],
  [
    "certificate far too large",
    "STRING_LENGTH",
    "identities[0].certificate",
    (p) => bendIdentity(p, { certificate: "M".repeat(7000) }),
  ],
  [
    "certificate of the CA missing",
    "PEM",
    "proxy_service_cert",
    (p) => Object.assign(p, { proxy_service_cert: "" }),
  ],
  [
    "rights empty",
    "RIGHTS",
    "identities[1].file_rights[0].rights",
    (p) => bendRight(p, { rights: "" }),
  ],
  [
    "rights wr",
    "RIGHTS",
    "identities[1].file_rights[0].rights",
    (p) => bendRight(p, { rights: "wr" }),
  ],
  [
    "rights x",
    "RIGHTS",
    "identities[1].file_rights[0].rights",
    (p) => bendRight(p, { rights: "rwx" }),
  ],
  [
    "rights as a number",
    "NOT_STRING",
    "identities[1].file_rights[0].rights",
    (p) => bendRight(p, { rights: 2 }),
  ],
  [
    "a file nobody knows",
    "UNKNOWN_FILE",
    "identities[1].file_rights[0].file_name",
    (p) => bendRight(p, { file_name: "input" }),
  ],
  [
    "a number with a leading zero",
    "UNKNOWN_FILE",
    "identities[1].file_rights[0].file_name",
    (p) => bendRight(p, { file_name: "input-01" }),
  ],
  [
    "a number of five digits",
    "UNKNOWN_FILE",
    "identities[1].file_rights[0].file_name",
    (p) => bendRight(p, { file_name: "input-10000" }),
  ],
  [
    "empty file name",
    "STRING_LENGTH",
    "identities[1].file_rights[0].file_name",
    (p) => bendRight(p, { file_name: "" }),
  ],
  [
    "file name of 65 bytes",
    "STRING_LENGTH",
    "identities[1].file_rights[0].file_name",
    (p) => bendRight(p, { file_name: "a".repeat(65) }),
  ],
  ...[
    "..",
    ".",
    "/etc/passwd",
    "a//b",
    "a/",
    "a/../b",
    "a/./b",
    "../a",
    "a b",
    "a\\b",
    "naïve",
    "a\0",
    "a\nb",
    "a:b",
  ].map((name): [string, string, string, Bend] => [
    `file name ${JSON.stringify(name)}`,
    "FILE_NAME",
    "identities[1].file_rights[0].file_name",
    (p) => bendRight(p, { file_name: name }),
  ]),
  [
    "a principal that writes the result",
    "OUTPUT_WRITTEN_BY_PRINCIPAL",
    "identities[2].file_rights[0]",
    (p) => Object.assign(p.identities[2]?.file_rights[0] as object, { rights: "rw" }),
  ],
  [
    "a program that writes an input",
    "PROGRAM_RIGHT",
    "programs[0].file_rights[0]",
    (p) => Object.assign(programOf(p).file_rights[0] as object, { rights: "rw" }),
  ],
  [
    "a program that only reads the result",
    "PROGRAM_RIGHT",
    "programs[0].file_rights[2]",
    (p) => Object.assign(programOf(p).file_rights[2] as object, { rights: "r" }),
  ],
  [
    "a program that reads a program",
    "PROGRAM_RIGHT",
    "programs[0].file_rights[3]",
    (p) => programOf(p).file_rights.push({ file_name: "sum.wasm", rights: "r" }),
  ],
  [
    "a program without result",
    "PROGRAM_WITHOUT_OUTPUT",
    "programs[0].file_rights",
    (p) => programOf(p).file_rights.splice(2),
  ],
  [
    "a gap in the inputs",
    "INPUTS_NOT_CONTIGUOUS",
    "programs[0].file_rights",
    (p) => programOf(p).file_rights.splice(0, 1),
  ],
  [
    "a gap in the streams",
    "STREAMS_NOT_CONTIGUOUS",
    "programs[0].file_rights",
    (p) => programOf(p).file_rights.push({ file_name: "stream-1", rights: "r" }),
  ],
  [
    "a program called output",
    "RESERVED_NAME",
    "programs[0].program_file_name",
    (p) => Object.assign(programOf(p), { program_file_name: "output" }),
  ],
  [
    "a program called input-3",
    "RESERVED_NAME",
    "programs[0].program_file_name",
    (p) => Object.assign(programOf(p), { program_file_name: "input-3" }),
  ],
  [
    "a program called stream-0",
    "RESERVED_NAME",
    "programs[0].program_file_name",
    (p) => Object.assign(programOf(p), { program_file_name: "stream-0" }),
  ],
  [
    "hash too short",
    "HASH",
    "programs[0].pi_hash",
    (p) => Object.assign(programOf(p), { pi_hash: "00" }),
  ],
  [
    "hash with another letter",
    "HASH",
    "programs[0].pi_hash",
    (p) => Object.assign(programOf(p), { pi_hash: `g${"0".repeat(63)}` }),
  ],
  [
    "hash of the runtime too long",
    "HASH",
    "runtime_manager_hash_linux",
    (p) => Object.assign(p, { runtime_manager_hash_linux: "0".repeat(66) }),
  ],
  [
    "no hash of the runtime",
    "NO_RUNTIME_HASH",
    "",
    (p) => delete (p as Partial<PolicyDocument>).runtime_manager_hash_linux,
  ],
  ...[
    "",
    "localhost",
    ":80",
    "a:",
    "a:0",
    "a:65536",
    "a:99999",
    "a:080",
    "a:b",
    "a b:80",
    "http://a:80",
    "[::1:80",
    "[::g]:80",
    "a_b:80",
    "a:80 ",
    "é:1",
  ].map((url): [string, string, string, Bend] => [
    `address ${JSON.stringify(url)}`,
    "URL",
    "veracruz_server_url",
    (p) => Object.assign(p, { veracruz_server_url: url }),
  ]),
  [
    "address of the PAS",
    "URL",
    "proxy_attestation_server_url",
    (p) => Object.assign(p, { proxy_attestation_server_url: "x" }),
  ],
  [
    "expiry as text",
    "NOT_OBJECT",
    "enclave_cert_expiry",
    (p) => Object.assign(p, { enclave_cert_expiry: "2099-01-01" }),
  ],
  [
    "no minute",
    "MISSING_KEY",
    "enclave_cert_expiry",
    (p) => delete (p.enclave_cert_expiry as Partial<PolicyDocument["enclave_cert_expiry"]>).minute,
  ],
  ...(
    [
      ["year", 1969],
      ["year", 10_000],
      ["month", 0],
      ["month", 13],
      ["day", 0],
      ["day", 32],
      ["hour", 24],
      ["minute", 60],
    ] as const
  ).map(([key, value]): [string, string, string, Bend] => [
    `${key} ${value}`,
    "NUMBER_RANGE",
    `enclave_cert_expiry.${key}`,
    (p) => Object.assign(p.enclave_cert_expiry, { [key]: value }),
  ]),
  ...(
    [
      [2099, 2, 29],
      [2100, 2, 29],
      [2096, 2, 30],
      [2099, 4, 31],
      [2099, 6, 31],
      [2099, 9, 31],
      [2099, 11, 31],
    ] as const
  ).map(([year, month, day]): [string, string, string, Bend] => [
    `${year}-${month}-${day}`,
    "DATE",
    "enclave_cert_expiry",
    (p) => Object.assign(p.enclave_cert_expiry, { year, month, day }),
  ]),
  [
    "unknown suite",
    "CIPHERSUITE",
    "ciphersuite",
    (p) => Object.assign(p, { ciphersuite: "TLS1_3_AES_256_GCM_SHA384" }),
  ],
  [
    "suite in lower case",
    "CIPHERSUITE",
    "ciphersuite",
    (p) => Object.assign(p, { ciphersuite: p.ciphersuite.toLowerCase() }),
  ],
  [
    "unknown strategy",
    "STRATEGY",
    "execution_strategy",
    (p) => Object.assign(p, { execution_strategy: "Compilation" }),
  ],
  [
    "no fuel",
    "NUMBER_RANGE",
    "execution_limits.fuel",
    (p) => Object.assign(p, { execution_limits: { fuel: 0 } }),
  ],
  [
    "fuel beyond 2^53",
    "NUMBER_RANGE",
    "execution_limits.fuel",
    (p) => Object.assign(p, { execution_limits: { fuel: 2 ** 53 } }),
  ],
  [
    "less than a page",
    "NUMBER_RANGE",
    "execution_limits.memory_bytes",
    (p) => Object.assign(p, { execution_limits: { memory_bytes: 65_535 } }),
  ],
  [
    "a stack of nothing",
    "NUMBER_RANGE",
    "execution_limits.stack_bytes",
    (p) => Object.assign(p, { execution_limits: { stack_bytes: 1023 } }),
  ],
  [
    "files of nothing",
    "NUMBER_RANGE",
    "execution_limits.file_bytes",
    (p) => Object.assign(p, { execution_limits: { file_bytes: 0 } }),
  ],
  [
    "limits as a list",
    "NOT_OBJECT",
    "execution_limits",
    (p) => Object.assign(p, { execution_limits: [] }),
  ],
  ["no round", "NUMBER_RANGE", "max_rounds", (p) => Object.assign(p, { max_rounds: 0 })],
  [
    "no failed run",
    "NUMBER_RANGE",
    "max_failed_runs",
    (p) => Object.assign(p, { max_failed_runs: 0 }),
  ],
  ["rounds as text", "NOT_INTEGER", "max_rounds", (p) => Object.assign(p, { max_rounds: "1" })],
  ...["classical", "Hybrid-Required", "hybrid", ""].map((word): [string, string, string, Bend] => [
    `key exchange ${JSON.stringify(word)}`,
    "KEY_EXCHANGE",
    "key_exchange",
    (p) => Object.assign(p, { key_exchange: word }),
  ]),
  [
    "key exchange as a boolean",
    "NOT_STRING",
    "key_exchange",
    (p) => Object.assign(p, { key_exchange: true }),
  ],
  [
    "allow_development as text",
    "NOT_BOOLEAN",
    "allow_development",
    (p) => Object.assign(p, { allow_development: "no" }),
  ],
  [
    "33 identities",
    "TOO_MANY_IDENTITIES",
    "identities[32]",
    (p) =>
      Object.assign(p, {
        identities: Array.from({ length: 33 }, (_, id) => ({
          certificate: makeCertificate({ commonName: `p${id}` }).pem,
          id,
          file_rights: [],
        })),
      }),
  ],
  [
    "17 programs",
    "TOO_MANY_PROGRAMS",
    "programs[16]",
    (p) =>
      Object.assign(p, {
        programs: Array.from({ length: 17 }, (_, id) => ({
          ...structuredClone(programOf(p)),
          program_file_name: id === 0 ? "sum.wasm" : `p${id}`,
          id,
        })),
      }),
  ],
  [
    "129 files",
    "TOO_MANY_FILES",
    "identities[1].file_rights[126].file_name",
    (p) =>
      Object.assign(p.identities[1] as object, {
        file_rights: Array.from({ length: 127 }, (_, n) => ({
          file_name: `stream-${n}`,
          rights: "w",
        })),
      }),
  ],
];

function pem(base64: string): string {
  return `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`;
}

function programOf(policy: PolicyDocument): PolicyDocument["programs"][0] {
  return policy.programs[0] as PolicyDocument["programs"][0];
}

function bendIdentity(policy: PolicyDocument, changes: object, index = 0): void {
  Object.assign(policy.identities[index] as object, changes);
}

function bendRight(policy: PolicyDocument, changes: object): void {
  Object.assign(policy.identities[1]?.file_rights[0] as object, changes);
}

/** Asserts that isolate and host refuse the text, and why. */
function refused(text: Uint8Array, code: string, pattern: RegExp, what: string): void {
  assert.is(isolate.parse(text), codes.get(`POLICY_E_${code}`), what);
  try {
    new Policy(text);
    assert.unreachable(what);
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error;
    assert.is(error.code, codes.get(`POLICY_E_${code}`), what);
    assert.match(error.message, pattern, what);
  }
}

test("each invalid policy is refused with place and reason", () => {
  for (const [what, code, place, bend] of bends) {
    const policy = samplePolicy() as Parameters<Bend>[0];
    bend(policy);
    const where = place === "" ? "" : `, ${place}`.replace(/[[\].]/g, "\\$&");
    const pattern = new RegExp(`^(?:.+: )?line \\d+, column \\d+, byte \\d+${where}: \\S`);
    refused(textOf(policy), code, pattern, what);
  }
});

test("every reason that there is was given above or below", () => {
  const given = new Set(bends.map(([, code]) => `POLICY_E_${code}`));
  for (const [code] of unusablePrincipals) given.add(`POLICY_E_CERTIFICATE_${code}`);
  for (const [code] of syntax) given.add(`POLICY_E_${code}`);
  for (const other of ["AUTHORITY", "DUPLICATE_KEY", "MEMORY", "TOO_LONG"])
    given.add(`POLICY_E_${other}`);
  const reasons = [...codes.keys()].filter((name) => name !== "POLICY_OK");
  assert.equal(
    reasons.filter((name) => !given.has(name)),
    [],
  );
  assert.is(new Set(codes.values()).size, codes.size);
});

/** Broken texts: the reason, and the text made from a valid one. */
const syntax: [string, (text: string) => string | Buffer][] = [
  ["ENDS_EARLY", () => ""],
  ["ENDS_EARLY", () => "  \n"],
  ["ENDS_EARLY", (text) => text.slice(0, -2)],
  ["ENDS_EARLY", (text) => text.slice(0, 200)],
  ["NOT_BOOLEAN", (text) => text.slice(0, text.indexOf("true") + 3)],
  ["NOT_OBJECT", (text) => `[${text}]`],
  ["BYTE_ORDER_MARK", (text) => `\ufeff${text}`],
  ["NOT_OBJECT", () => "null"],
  ["TRAILING", (text) => `${text}x`],
  ["TRAILING", (text) => `${text}{}`],
  ["TRAILING", (text) => `${text}\0`],
  ["SYNTAX", (text) => text.replace('"debug"', "debug")],
  ["SYNTAX", (text) => text.replace('"debug":', '"debug"')],
  ["SYNTAX", (text) => text.replace('"debug"', ',"debug"')],
  ["SYNTAX", (text) => text.replace("{", "{,")],
  ["SYNTAX", (text) => text.replace("[", "[").replace(/\}\s*\]/, "},]")],
  ["SYNTAX", (text) => text.replace(/\}$/, ",}")],
  ["SYNTAX", (text) => text.replace("},", "}")],
  ["SYNTAX", (text) => text.replace('"debug"', '// a remark\n"debug"')],
  ["SYNTAX", (text) => text.replace("true", "truest")],
  ["NOT_BOOLEAN", (text) => text.replace("true", "True")],
  ["NOT_INTEGER", (text) => text.replace('"id": 0', '"id": 00')],
  ["NOT_INTEGER", (text) => text.replace('"id": 0', '"id": 0.0')],
  ["NOT_INTEGER", (text) => text.replace('"id": 0', '"id": 1e0')],
  ["NOT_INTEGER", (text) => text.replace('"id": 0', '"id": +1')],
  ["NOT_INTEGER", (text) => text.replace('"id": 0', '"id": -0')],
  ["SYNTAX", (text) => text.replace('"id": 0', '"id": 0x0')],
  ["NUMBER_RANGE", (text) => text.replace('"id": 0', `"id": ${"9".repeat(400)}`)],
  ["NOT_STRING", (text) => text.replace('"input-0"', "'input-0'")],
  ["CONTROL_CHARACTER", (text) => text.replace("input-0", "input-0\n")],
  ["CONTROL_CHARACTER", (text) => text.replace("input-0", "input-0\u001f")],
  ["ESCAPE", (text) => text.replace("input-0", "input-0\\x")],
  ["ESCAPE", (text) => text.replace("input-0", "\\u00g0")],
  ["ESCAPE", (text) => text.replace("input-0", "\\U0069")],
  ["ESCAPE", (text) => `${text.slice(0, text.indexOf("input-0"))}\\u00`],
  ["SURROGATE", (text) => text.replace("input-0", "\\ud834")],
  ["SURROGATE", (text) => text.replace("input-0", "\\ud834\\u0041")],
  ["SURROGATE", (text) => text.replace("input-0", "\\udd1e\\ud834")],
  ["FILE_NAME", (text) => text.replace("input-0", "\\ud834\\udd1e")],
  ["UNKNOWN_KEY", (text) => text.replace("debug", "debug\\u0000")],
  ["UNKNOWN_KEY", (text) => text.replace("debug", "x".repeat(5000))],
  ["UTF8", (text) => broken(text, [0xff])],
  ["UTF8", (text) => broken(text, [0xc0, 0xaf])],
  ["UTF8", (text) => broken(text, [0xed, 0xa0, 0x80])],
  ["UTF8", (text) => broken(text, [0xf4, 0x90, 0x80, 0x80])],
  ["UTF8", (text) => broken(text, [0xe2, 0x82])],
];

function broken(text: string, bytes: number[]): Buffer {
  const [before, after] = text.split("input-0", 2) as [string, string];
  return Buffer.concat([Buffer.from(before), Buffer.from(bytes), Buffer.from(after)]);
}

test("each way not to be JSON is refused with place and reason", () => {
  for (const [code, bend] of syntax) {
    const text = Buffer.from(bend(textOf(fullPolicy()).toString()));
    refused(
      text,
      code,
      /^(?:.+: )?line \d+, column \d+, byte \d+/,
      `${code}: ${text.subarray(0, 40)}`,
    );
  }
});

test("a key that is there twice is refused wherever it is", () => {
  const text = textOf(fullPolicy()).toString();
  const keys = new Set([...text.matchAll(/"([a-z_]+)": /g)].map(([, key]) => key as string));
  assert.is(keys.size, 40);
  for (const key of keys) {
    // Repeat the key with its value: the text after the key, to the comma or bracket that ends it.
    const start = text.indexOf(`"${key}": `);
    let end = start;
    for (let depth = 0, quoted = false; ; end++) {
      const at = text[end] as string;
      if (at === '"' && text[end - 1] !== "\\") quoted = !quoted;
      if (quoted) continue;
      if ("[{".includes(at)) depth++;
      if (depth === 0 && ",}\n".includes(at)) break;
      if ("]}".includes(at)) depth--;
    }
    const pair = text.slice(start, end);
    const twice = `${text.slice(0, start)}${pair},${text.slice(start)}`;
    const hidden = `${text.slice(0, start)}${pair.replace(/_|i|u|d/, (letter) => `\\u00${letter.charCodeAt(0).toString(16)}`)},${text.slice(start)}`;
    for (const variant of [twice, hidden]) {
      refused(
        Buffer.from(variant),
        "DUPLICATE_KEY",
        new RegExp(`${key}: the key occurs twice`),
        key,
      );
    }
  }
});

test("the largest policy is 65,536 bytes", () => {
  const text = textOf(samplePolicy());
  const padded = (length: number) => Buffer.concat([text, Buffer.alloc(length - text.length, " ")]);
  assert.is(isolate.parse(padded(65_536)), 0);
  refused(padded(65_537), "TOO_LONG", /longer than 65536 bytes/, "one byte more");
  assert.throws(() => new Policy(padded(2 ** 21)), /too long/);
});

test("a policy that fills every limit is taken, within a memory of a few times its size", () => {
  const policy = fullPolicy();
  const file = (n: number) => ({ file_name: `input-${n}`, rights: "r" as const });
  policy.programs = Array.from({ length: 16 }, (_, id) => ({
    program_file_name: `p${id}`,
    id,
    pi_hash: "00".repeat(32),
    file_rights: [
      ...Array.from({ length: 62 }, (_, n) => file(n)),
      { file_name: "output", rights: "w" },
    ],
  }));
  const key = { privateKey: alice.privateKey, publicKey: alice.publicKey };
  policy.identities = Array.from({ length: 32 }, (_, id) => ({
    certificate: makeCertificate({ commonName: `p${id}`, key }).pem,
    id,
    file_rights: Array.from({ length: 10 }, (_, n) => ({
      file_name: id < 3 ? `stream-${id * 10 + n}` : `input-${id}${n}`.slice(0, 9),
      rights: "w" as const,
    })).filter(
      (right, index, all) =>
        all.findIndex((other) => other.file_name === right.file_name) === index,
    ),
  }));
  const known = new Set(policy.programs[0]?.file_rights.map(({ file_name }) => file_name));
  for (const identity of policy.identities) {
    identity.file_rights = identity.file_rights.filter(
      ({ file_name }) => known.has(file_name) || file_name.startsWith("stream-"),
    );
  }
  const text = Buffer.from(JSON.stringify(policy));
  assert.ok(text.length > 50_000 && text.length <= 65_536, `${text.length}`);
  const fresh = new IsolatePolicy();
  fresh.memoryLimit = 2 * 65_536 + text.length * 6;
  assert.is(fresh.parse(text), 0);
  assert.ok(fresh.pages * 65_536 <= fresh.memoryLimit, `${fresh.pages} pages`);
});

test("without memory for it a policy is refused, not trapped on", () => {
  const fresh = new IsolatePolicy();
  fresh.memoryLimit = 2 * 65_536;
  const text = textOf(samplePolicy());
  const long = Buffer.concat([text, Buffer.alloc(40_000, " ")]);
  assert.is(fresh.parse(long), codes.get("POLICY_E_MEMORY"));
  // And it goes on.
  assert.is(fresh.parse(text), 0);
  assert.ok(fresh.pages <= 2);
});

test("certificates pass with the line ends of another system, or without one at the end", () => {
  const policy = samplePolicy();
  bendIdentity(policy, { certificate: alice.pem.replaceAll("\n", "\r\n") });
  assert.is(isolate.parse(textOf(policy)), 0);
  bendIdentity(policy, { certificate: alice.pem.trimEnd() });
  assert.is(isolate.parse(textOf(policy)), 0);
});

test("certificates that TLS in the isolate could not use are refused", () => {
  const now = new Date();
  for (const certificate of [
    makeCertificate({ key: "P-384" }),
    makeCertificate({ key: "rsa" }),
    {
      pem: pem(Buffer.concat([alice.der.subarray(0, -1), Buffer.from([0, 0])]).toString("base64")),
    },
  ]) {
    const policy = samplePolicy();
    bendIdentity(policy, { certificate: certificate.pem });
    const pattern = /identities\[0\]\.certificate: the PEM block holds no X\.509 certificate/;
    refused(textOf(policy), "CERTIFICATE", pattern, "certificate");
  }
  for (const [code, words, certificate] of unusablePrincipals) {
    const policy = samplePolicy();
    bendIdentity(policy, { certificate: certificate.pem });
    const pattern = new RegExp(
      `identities\\[0\\]\\.certificate: .*${words.source}; make one with:\\n {2}openssl req -x509`,
    );
    refused(textOf(policy), `CERTIFICATE_${code}`, pattern, code);
  }
  for (const certificate of [usable, authority]) {
    const policy = samplePolicy();
    bendIdentity(policy, { certificate: certificate.pem });
    assert.is(isolate.parse(textOf(policy)), 0, certificate.commonName);
  }
  // Dates are not the isolate's to check: it may have no clock.
  const policy = samplePolicy();
  bendIdentity(policy, { certificate: makeCertificate({ notAfter: now }).pem });
  assert.is(isolate.parse(textOf(policy)), 0);
});

test("a CA under which no isolate's certificate can be verified is refused", () => {
  const keyUsage = (bits: number[]) => [{ id: "2.5.29.15", value: der(0x03, bits) }];
  for (const authority of [
    makeCertificate({ ca: false }),
    makeCertificate(),
    makeCertificate({ ca: true, extensions: keyUsage([7, 0x80]) }),
    makeCertificate({ ca: true, key: "P-384" }),
  ]) {
    const policy = { ...samplePolicy(), proxy_service_cert: authority.pem };
    const pattern = /proxy_service_cert: not the certificate of a CA \(basicConstraints/;
    refused(textOf(policy), "AUTHORITY", pattern, "authority");
  }
  const signer = makeCertificate({ ca: true, extensions: keyUsage([2, 0x04]) });
  assert.is(isolate.parse(textOf({ ...samplePolicy(), proxy_service_cert: signer.pem })), 0);
});

test("file names", () => {
  const good = [
    "a",
    "a.wasm",
    "A-Z_9",
    "a/b/c",
    "...",
    "a..b",
    ".hidden",
    "input-x",
    "x".repeat(64),
  ];
  for (const name of good) assert.is(isolate.ask("stagedIsFileName", name), 1, name);
  for (const name of ["", ".", "..", "/", "a/", "/a", "a/..", "a b", "é"]) {
    assert.is(isolate.ask("stagedIsFileName", name), 0, name);
  }
  const kinds: [string, number, number][] = [
    ["output", 3, -1],
    ["input-0", 1, 0],
    ["input-9999", 1, 9999],
    ["stream-12", 2, 12],
    ["input-", 0, -1],
    ["input-00", 0, -1],
    ["input-1a", 0, -1],
    ["stream-10000", 0, -1],
    ["outputs", 0, -1],
    ["Input-0", 0, -1],
  ];
  for (const [name, kind, number] of kinds) {
    assert.is(isolate.ask("stagedFileKind", name), kind, name);
    assert.is(isolate.ask("stagedFileNumber", name), number, name);
  }
});

test("UTF-8 is told from what is not, as a fatal TextDecoder does", () => {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const edges = [0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf];
  const all = [...edges, 0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff];
  let good = 0;
  for (const a of all) {
    for (const b of all) {
      for (const c of all) {
        for (const tail of [[], [0x80], [0x41], [0xbf, 0x41]]) {
          const bytes = Uint8Array.from([a, b, c, ...tail]);
          let expected = true;
          try {
            decoder.decode(bytes);
          } catch {
            expected = false;
          }
          assert.is(
            isolate.ask("stagedIsUtf8", bytes) !== 0,
            expected,
            Buffer.from(bytes).toString("hex"),
          );
          if (expected) good++;
        }
      }
    }
  }
  assert.ok(good > 100);
});

test.run();
