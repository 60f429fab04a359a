// A plan: the policy that it makes, and what it is told where it is wrong.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseDocument } from "yaml";
import { CliError } from "../../host/common/cli.js";
import { projectRoot, wasmPath } from "../../host/common/paths.js";
import { sha256 } from "../../host/veracruz/own-attestation.js";
import { policyOfPlan } from "../../host/veracruz/plan-policy.js";
import { PlanText } from "../../host/veracruz/plan-reader.js";
import { Policy, type PolicyDocument } from "../../host/veracruz-utils/policy.js";
import { Desk } from "./people.js";

const desk = new Desk();
test.after(() => desk.remove());
await desk.init("hospital-a", "hospital-b");
const program = readFileSync(wasmPath("examples/private-set-intersection"));
desk.write("psi.wasm", program);
desk.write("mark.sha256", `\ufeff${"ab".repeat(32)}\n`);

const document = readFileSync(join(projectRoot, "docs/plan.md"), "utf8");
const block = (kind: string) =>
  new RegExp(`^\`\`\`${kind}\\n(.*?)^\`\`\`$`, "ms").exec(document)?.[1] as string;
const plan = block("yaml");

async function policyOf(text: string): Promise<PolicyDocument> {
  desk.write("plan.yaml", text);
  const { code, err } = await desk.run("plan", "plan.yaml");
  assert.is(code, 0, err);
  return new Policy(readFileSync(desk.path("policy.json"))).document;
}

/** What is said of a wrong plan, a line for each mistake. */
function refusal(text: string): string[] {
  desk.write("plan.yaml", text);
  try {
    policyOfPlan(new PlanText(desk.path("plan.yaml"), text), {
      certificate: () => desk.read("config/veracruz/attestation/ca.pem"),
    });
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    return error.message.replaceAll(`${desk.folder}/`, "").split("\n");
  }
  throw new Error("it was taken");
}

test("the plan of docs/plan.md makes the policy that it describes, and keeps its comments", async () => {
  const policy = await policyOf(plan);
  assert.is(desk.read("plan.yaml"), plan);
  assert.equal(
    policy.identities.map(({ file_rights }) => file_rights),
    [
      [
        { file_name: "psi.wasm", rights: "w" },
        { file_name: "input-0", rights: "w" },
      ],
      [
        { file_name: "input-1", rights: "w" },
        { file_name: "output", rights: "r" },
      ],
    ],
  );
  const [only] = policy.programs;
  assert.is(only?.pi_hash, sha256(program));
  assert.equal(
    only?.file_rights.map(({ file_name, rights }) => `${file_name}:${rights}`),
    ["input-0:r", "input-1:r", "output:w"],
  );
  assert.is(policy.runtime_manager_hash_linux, sha256(readFileSync(wasmPath("runtime"))));
  assert.is(policy.key_exchange, "hybrid-required");
  assert.is(policy.veracruz_server_url, "127.0.0.1:3017");
  assert.is(policy.proxy_attestation_server_url, "127.0.0.1:3010");
  assert.match(policy.computation_id as string, /^[0-9a-f]{32}$/);
  // Another computation each time, under the same CA.
  const again = await policyOf(plan);
  assert.is.not(again.computation_id, policy.computation_id);
  assert.is(again.proxy_service_cert, policy.proxy_service_cert);
});

test("every word of a plan reaches the policy", async () => {
  const hash = "ab".repeat(32);
  const device = `01${"CD".repeat(32)}`;
  const id = "00112233445566778899aabbccddeeff";
  const policy = await policyOf(`${plan.replace("ends: +12h", "ends: 2030-02-03T04:05:00Z")}
server: "[::1]:4000"
attestation: {server: attestation.example:4001}
isolate: {computer: ${hash}, microcontroller: ${hash}, development: false, devices: "${device}", versions: {ARoT: "1.2.0"}}
limits: {time: 2m, memory: 1MiB, stack: 8192, result: 3 KiB, file: 4K}
rounds: 7
failed-runs: 2
restarts: 1
engine: jit
cipher: aes-128-gcm
allow-classical: true
debug: true
id: "${id}"
`);
  const { identities, programs, proxy_service_cert, ...rest } = policy;
  assert.ok(identities.length + programs.length === 3 && proxy_service_cert);
  assert.equal(rest, {
    veracruz_server_url: "[::1]:4000",
    proxy_attestation_server_url: "attestation.example:4001",
    enclave_cert_expiry: { year: 2030, month: 2, day: 3, hour: 4, minute: 5 },
    ciphersuite: "TLS1_3_AES_128_GCM_SHA256",
    debug: true,
    execution_strategy: "JIT",
    runtime_manager_hash_linux: hash,
    runtime_manager_hash_mcu: hash,
    execution_limits: {
      deadline_ms: 120_000,
      memory_bytes: 2 ** 20,
      stack_bytes: 8192,
      output_bytes: 3072,
      file_bytes: 4096,
    },
    max_rounds: 7,
    max_failed_runs: 2,
    max_restarts: 1,
    instance_ids: [device.toLowerCase()],
    minimum_versions: [{ component: "ARoT", version: "1.2.0" }],
    computation_id: id,
  });
});

test("the error that docs/plan.md shows is the one that is given", async () => {
  desk.write("plan.yaml", plan.replace("    sends: [", "    send: ["));
  const { code, out, err } = await desk.run("plan", "plan.yaml", "-o", "never.json");
  assert.is(code, 2);
  assert.is(out, "");
  assert.is(err, block("text"));
  assert.throws(() => desk.read("never.json"), /ENOENT/);
});

/** What is changed in the plan, and what is said of it. */
const mistakes: [name: string, from: string, to: string, expected: RegExp][] = [
  ["no YAML", "parties:", "parties: [", /^plan\.yaml:\d+: not YAML: /],
  [
    "a word twice",
    "ends: +12h",
    "ends: +12h\nends: +13h",
    /^plan\.yaml:13: not YAML: Map keys must be unique/,
  ],
  [
    "a word that there is not",
    "ends: +12h",
    "colour: red",
    /^plan\.yaml:12: colour: there is no such entry here: expected one of parties, programs, server/,
  ],
  [
    "a missing contact",
    "    contact: hospital-a.contact\n",
    "",
    /^plan\.yaml:3: parties\.hospital-a: contact is missing: the path of the party's contact/,
  ],
  [
    "a contact that is not there",
    "hospital-b.contact",
    "bob.contact",
    /^plan\.yaml:7: parties\.hospital-b\.contact: cannot read "bob\.contact": no such file$/,
  ],
  [
    "a contact that is none",
    "hospital-b.contact",
    "psi.wasm",
    /^plan\.yaml:7: parties\.hospital-b\.contact: not a certificate/,
  ],
  [
    "the same contact twice",
    "hospital-b.contact",
    "hospital-a.contact",
    /^plan\.yaml:7: parties\.hospital-b\.contact: it is the contact of hospital-a, too/,
  ],
  [
    "a number for a file",
    "sends: input-1",
    "sends: 1",
    /^plan\.yaml:8: parties\.hospital-b\.sends: expected a file that the party sends: .*; it is 1$/,
  ],
  [
    "a file that there is not",
    "sends: input-1",
    "sends: psi.wasn",
    /^plan\.yaml:8: parties\.hospital-b\.sends: "psi\.wasn" is no file of this plan: .*; did you mean psi\.wasm\?$/,
  ],
  [
    "a result that is sent",
    "sends: input-1",
    "sends: output",
    /^plan\.yaml:8: parties\.hospital-b\.sends: /,
  ],
  [
    "nobody reads",
    "    reads: output\n",
    "",
    /^plan\.yaml:2: parties: no party reads the result: .*reads: output$/,
  ],
  [
    "nobody sends the program",
    "[psi.wasm, input-0]",
    "input-0",
    /^plan\.yaml:11: programs\.psi\.wasm: no party sends psi\.wasm/,
  ],
  [
    "a program that is none",
    "psi.wasm: psi.wasm",
    "psi.wasm: hospital-a.contact",
    /^plan\.yaml:11: programs\.psi\.wasm: "hospital-a\.contact" is no WebAssembly module$/,
  ],
  [
    "a runtime's hash behind a byte order mark",
    "ends: +12h",
    "ends: +12h\nisolate: {computer: mark.sha256}",
    /^plan\.yaml:13: isolate\.computer: "mark\.sha256" begins with a byte order mark/,
  ],
  [
    "a program that reads what nobody sends",
    "psi.wasm: psi.wasm",
    "psi.wasm: {file: psi.wasm, reads: input-7}",
    /^plan\.yaml:11: programs\.psi\.wasm\.reads: no party sends input-7$/,
  ],
  [
    "a date that there is not",
    "+12h",
    "2030-02-30T00:00:00Z",
    /^plan\.yaml:12: ends: no such day; expected a date such as /,
  ],
  ["a date that has passed", "+12h", "2020-02-20T00:00:00Z", /^plan\.yaml:\d+: .*has passed$/],
  [
    "a port for all",
    "ends: +12h",
    "server: h:3010\nattestation: {server: h:3010}",
    /^plan\.yaml:13: attestation: it has the address of the server/,
  ],
  [
    "a limit in words",
    "ends: +12h",
    "limits: {memory: much}",
    /^plan\.yaml:12: limits\.memory: expected memory of a program in bytes, .*; it is "much"$/,
  ],
  [
    "too many restarts",
    "ends: +12h",
    "restarts: 1001",
    /^plan\.yaml:12: restarts: expected .* from 0 to 1000; it is 1001$/,
  ],
  [
    "a program with an input's name",
    "psi.wasm: psi.wasm",
    "input-9: psi.wasm",
    /^plan\.yaml:11: programs\.input-9: expected a name/,
  ],
];

for (const [name, from, to, expected] of mistakes) {
  test(`refused, by line: ${name}`, () => {
    assert.ok(plan.includes(from), from);
    const lines = refusal(plan.replace(from, to));
    assert.ok(
      lines.some((line) => expected.test(line)),
      lines.join("\n"),
    );
  });
}

test("all mistakes of a plan's form are said at once", () => {
  const lines = refusal(plan.replace("sends: input-1", "sends: 1").replace("+12h", "[]"));
  assert.is(lines.length, 2, lines.join("\n"));
});

test("a party's certificate for another name is remarked", async () => {
  desk.write("plan.yaml", plan.replace("  hospital-a:", "  somebody:"));
  const { code, err } = await desk.run("plan", "plan.yaml");
  assert.is(code, 0, err);
  assert.match(err, /The certificate of somebody is for hospital-a/);
});

test("--new begins a plan that is a plan", async () => {
  const { code, err } = await desk.run(
    "plan",
    "--new",
    "new.yaml",
    "hospital-a.contact",
    "hospital-b.contact",
  );
  assert.is(code, 0, err);
  assert.equal(Object.keys(parseDocument(desk.read("new.yaml")).toJS().parties), [
    "hospital-a",
    "hospital-b",
  ]);
  desk.write("program.wasm", program);
  const planned = await desk.run("plan", "new.yaml");
  assert.is(planned.code, 0, planned.err);
  const again = await desk.run("plan", "--new", "new.yaml");
  assert.is(again.code, 1);
  assert.match(again.err, /exists already/);
});

test.run();
