import { test } from "uvu";
import * as assert from "uvu/assert";
import { explainPolicy, warningsOf } from "../../host/policy-generator/explain.js";
import { type FileRights, Policy, type PolicyDocument } from "../../host/veracruz-utils/policy.js";
import { makeCertificate } from "../support/certificates.js";
import { alice, samplePolicy, textOf } from "../veracruz-utils/sample-policies.js";

function bent(bend: (policy: PolicyDocument) => void): Policy {
  const policy = samplePolicy();
  bend(policy);
  return new Policy(textOf(policy));
}

const sameName = makeCertificate({ commonName: alice.commonName }).pem;

const rightsOf = (policy: PolicyDocument, index: number): FileRights[] =>
  policy.identities[index]?.file_rights as FileRights[];

test("a policy without surprises has no warnings", () => {
  assert.equal(warningsOf(new Policy(textOf(samplePolicy()))), []);
});

test("each surprise is warned of, and nothing else", () => {
  const cases: [string, (policy: PolicyDocument) => void, RegExp[]][] = [
    [
      "an input readable by another",
      (p) => rightsOf(p, 1).push({ file_name: "input-0", rights: "r" }),
      [/^bob can read the input input-0, which alice may provide\.$/],
    ],
    ["one's own input", (p) => Object.assign(rightsOf(p, 1)[0] as object, { rights: "rw" }), []],
    [
      "a program readable by another",
      (p) => rightsOf(p, 2).push({ file_name: "sum.wasm", rights: "r" }),
      [/^carol can read the program sum\.wasm, which alice may provide\.$/],
    ],
    [
      "two that may provide the same",
      (p) => rightsOf(p, 1).push({ file_name: "input-0", rights: "w" }),
      [/^alice and bob may all provide input-0/],
    ],
    [
      "restarts, where readers provide nothing",
      (p) => Object.assign(p, { max_restarts: 1 }),
      [
        /^The computation may restart once from nothing: .*\(carol\) can get up to 8 answers instead of 4, on inputs that their owners send again\.$/,
      ],
    ],
    [
      "restarts, where a reader provides, too",
      (p) => {
        Object.assign(p, { max_restarts: 2, max_rounds: 1, max_failed_runs: 1 });
        rightsOf(p, 0).push({ file_name: "output", rights: "r" });
      },
      [
        /restart 2 times from nothing: .*up to 6 answers instead of 2; alice may also provide, and can change it each time/,
      ],
    ],
    [
      "no computation ID",
      (p) => delete p.computation_id,
      [/^There is no computation_id: .*happens once\.$/],
    ],
    [
      "an input that nobody provides",
      (p) => rightsOf(p, 1).splice(0),
      [/^No principal may provide input-1/],
    ],
    [
      "a program that nobody provides",
      (p) => rightsOf(p, 0).splice(0, 1),
      [/^No principal may provide the program sum\.wasm/],
    ],
    [
      "a result that nobody reads",
      (p) => rightsOf(p, 2).splice(0),
      [/^No principal may read the result/],
    ],
    [
      "an input that no program reads",
      (p) => rightsOf(p, 1).push({ file_name: "input-5", rights: "w" }),
      [/^No program reads input-5\.$/],
    ],
    [
      "several programs",
      (p) => {
        p.programs.push({
          ...structuredClone(p.programs[0] as PolicyDocument["programs"][0]),
          id: 1,
          program_file_name: "other.wasm",
        });
        rightsOf(p, 0).push({ file_name: "other.wasm", rights: "w" });
      },
      [/^carol may choose which program runs in a round: sum\.wasm and other\.wasm\.$/],
    ],
    [
      "several rounds",
      (p) => Object.assign(p, { max_rounds: 2 }),
      [/^There may be 2 rounds: readers of the result may run the same inputs again/],
    ],
    [
      "a stream that changes from round to round",
      (p) => {
        p.max_rounds = 9;
        p.programs[0]?.file_rights.push({ file_name: "stream-0", rights: "r" });
        rightsOf(p, 1).push({ file_name: "stream-0", rights: "w" });
      },
      [/^There may be 9 rounds: bob may change stream-0 .* \(carol\), learn more about input-0\.$/],
    ],
    [
      "development grade",
      (p) => Object.assign(p, { allow_development: true }),
      [/^Development-grade isolates are accepted/],
    ],
    [
      "classical key exchanges",
      (p) => delete p.key_exchange,
      [
        /^Classical key exchanges are allowed: who records the traffic of a client without X25519MLKEM768/,
      ],
    ],
    ["debug", (p) => Object.assign(p, { debug: true }), [/^The isolate may print debug messages/]],
    [
      "files as large as the memory of programs",
      (p) => Object.assign(p, { execution_limits: { file_bytes: 64 << 20 } }),
      [
        /^A file may have 67,108,864 bytes \(--max-file\), and a program has 67,108,864 bytes of memory/,
      ],
    ],
    ["files that fit", (p) => Object.assign(p, { execution_limits: { file_bytes: 63 << 20 } }), []],
    [
      "a result as large as the memory of programs",
      (p) => Object.assign(p, { execution_limits: { memory_bytes: 1 << 20, file_bytes: 1 << 10 } }),
      [/^A result may have 16,777,216 bytes \(--max-output\), and a program has 1,048,576 bytes/],
    ],
    [
      "more files than an isolate holds",
      (p) =>
        Object.assign(p, { execution_limits: { file_bytes: 100 << 20, memory_bytes: 1 << 30 } }),
      [
        /^3 files of up to 104,857,600 bytes and a result of 16,777,216 bytes are 331,350,016 bytes together: vc-server gives its isolate up to 368,836,608 bytes for them/,
      ],
    ],
    [
      "more files than any isolate holds",
      (p) =>
        Object.assign(p, { execution_limits: { file_bytes: 2 ** 31, memory_bytes: 2 ** 32 - 1 } }),
      [/an isolate on a computer has 4,294,901,760 bytes at most: it may refuse the last of them/],
    ],
    [
      "a strategy that devices lack",
      (p) => {
        p.runtime_manager_hash_mcu = p.runtime_manager_hash_linux as string;
        p.execution_strategy = "JIT";
      },
      [/^Isolates on microcontrollers without the RAM/],
    ],
    [
      "more principals than a device has sessions",
      (p) => {
        p.runtime_manager_hash_mcu = p.runtime_manager_hash_linux as string;
        for (let id = 10; id < 14; id++) {
          const { pem: certificate } = makeCertificate({ commonName: `guest-${id}` });
          p.identities.push({ certificate, id, file_rights: [] });
        }
      },
      [/^An isolate on a microcontroller serves 6 sessions at a time: of 7 principals/],
    ],
    [
      "no program",
      (p) => {
        p.programs = [];
        rightsOf(p, 0).splice(0);
        rightsOf(p, 1).splice(0);
      },
      [/^There is no program/],
    ],
  ];
  for (const [what, bend, patterns] of cases) {
    const warnings = warningsOf(bent(bend));
    assert.is(warnings.length, patterns.length, `${what}: ${warnings.join(" ")}`);
    patterns.forEach((pattern, index) => {
      assert.match(warnings[index] as string, pattern, what);
    });
  }
});

test("the explanation says who may do what", () => {
  const policy = bent((p) => {
    p.execution_limits = { fuel: 1234 };
    rightsOf(p, 0).push({ file_name: "output", rights: "r" });
  });
  const text = explainPolicy(policy);
  for (const expected of [
    `SHA-256 ${policy.hash.toString("hex")}`,
    "alice (id 0)",
    "may provide  sum.wasm and input-0",
    "may read     the result",
    "may read     nothing",
    "reads        input-0 and input-1",
    "starts when alice or carol asks for the result",
    "1 with a result, and 3 failed runs at most",
    "fuel 1234, 60000 ms",
    "when alice and carol have asked for it",
    "development-grade isolates are refused",
    "attested   by 127.0.0.1:3010, whose CA is Test CA",
    "until      2099-12-31 23:59 UTC",
    "exchange   X25519MLKEM768 only: recorded traffic stays secret",
    "No warnings",
  ]) {
    assert.ok(text.includes(expected), `${expected}\n${text}`);
  }
  assert.match(
    explainPolicy(bent((p) => delete p.key_exchange)),
    /exchange {3}X25519MLKEM768 with clients that can, X25519 or P-256 with others/,
  );
});

test("principals of the same name are told apart by id", () => {
  const text = explainPolicy(
    bent((p) => {
      // The same subject in another certificate.
      Object.assign(p.identities[1] as object, { certificate: sameName });
    }),
  );
  assert.ok(text.includes("  alice (id 0)\n"));
  assert.ok(text.includes("  alice (id 1)\n"));
});

test.run();
