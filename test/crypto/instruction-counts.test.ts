// Constant time, part one: whatever the secret, an operation takes the same number of instructions, both
// interpreted by wasm3 and compiled, through wasm2c and by the Thumb-2 compiler, on emulated Cortex-M3, M4, M7 and M33,
// exactly; and the same number of the interpreter's steps (calls and loop turns) on the computer.
//
// What counts cannot show: memory addresses (memcheck.test.ts does), and instructions whose time depends
// on their operands. Of the cores, the M3 has such ones, its long multiplications; the M4, M7 and M33
// have not, and the claim of constant time is made for those three.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Recording } from "../../host/benchmarks/crypto/recording.js";
import { wasmPath } from "../../host/common/paths.js";
import { missingTools } from "../../host/mcu/toolchain.js";
import { skip } from "../support/shared.js";
import {
  CryptoModule,
  hex,
  inWasm3,
  mlKemPairSize,
  RandomInputs,
  type Wasm3Home,
} from "./support.js";

const random = new RandomInputs();
const n = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const bigEndian = (value: bigint) => hex(value.toString(16).padStart(64, "0"));
const filled = (byte: number, length: number) => new Uint8Array(length).fill(byte);

/** Where calls are made: in wasm3 on the computer, or written down for the emulator. */
interface Caller {
  put(bytes: Uint8Array): number;
  write(address: number, bytes: Uint8Array): void;
  call(name: string, ...args: number[]): number;
}

interface Operation {
  readonly name: string;
  /** The secrets of each run; in every run there are as many, of the same lengths. */
  readonly secrets: readonly (readonly Uint8Array[])[];
  /** Makes what all runs share, and gives back a run: the one call that is counted, with its arguments. */
  prepare(caller: Caller): (...secrets: number[]) => [name: string, ...args: number[]];
  /** Runs before each counted call. */
  before?(caller: Caller): void;
}

/** Private keys with extreme digits for every method of multiplication; the last is one of the few whose
 * very last sum is a doubling. */
const privateKeys = [1n, 2n, n - 1n, 2n ** 255n, n / 2n, n - 2n].map(bigEndian);
const keys32 = [filled(0, 32), filled(0xff, 32), filled(0x55, 32), random.bytes(32)];
const texts = (length: number) => [filled(0, length), filled(0xff, length), random.bytes(length)];

/** A call that is the same in each run but for the secrets, which stand at fixed places. */
const simple = (
  name: string,
  secrets: readonly (readonly Uint8Array[])[],
  args: (output: number, ...secrets: number[]) => number[],
  callee = name,
): Operation => ({
  name,
  secrets,
  prepare: (caller) => {
    const output = caller.put(new Uint8Array(512));
    return (...addresses) => [callee, ...args(output, ...addresses)];
  },
});

/** A key pair of ML-KEM-768, the same in each run. */
function mlKemPair(caller: Caller): number {
  const pair = caller.put(new Uint8Array([...random.bytes(64), ...filled(0, mlKemPairSize - 64)]));
  caller.call("mlKem768Generate", pair);
  return pair;
}

/** Coefficients of 16 bits: zeros, the largest of noise, random ones below q. */
const polynomial = (kind: number) =>
  new Uint8Array(
    Int16Array.from({ length: 256 }, () => [0, -2, random.below(3329)][kind] as number).buffer,
  );

/** The same of 32 bits, as large as sums of products become. */
const sum = (kind: number) =>
  new Uint8Array(
    Int32Array.from(
      { length: 256 },
      () => [0, -(2 ** 30), random.below(2 ** 31) - 2 ** 30][kind] as number,
    ).buffer,
  );

const operations: readonly Operation[] = [
  simple(
    "x25519",
    [...keys32, ...keys32].map((key, i) => [key, i < 4 ? random.bytes(32) : filled(i - 4, 32)]),
    (out, k, u) => [out, k, u],
  ),
  simple(
    "p256PublicKey",
    [...privateKeys, random.bytes(31)].map((key) => [new Uint8Array([...key, 1]).subarray(0, 32)]),
    (out, k) => [out, k],
  ),
  {
    name: "p256Ecdh",
    secrets: [...privateKeys, bigEndian(n - 4n)].map((key) => [key]),
    prepare(caller) {
      const [peer, output] = [caller.put(new Uint8Array(65)), caller.put(new Uint8Array(32))];
      caller.call("p256PublicKey", peer, caller.put(random.bytes(31)));
      return (k) => ["p256Ecdh", output, k, peer];
    },
  },
  simple(
    "p256Sign",
    [...privateKeys, random.bytes(31)].map((key, i) => [
      new Uint8Array([...key, 1]).subarray(0, 32),
      i === 0 ? filled(0, 32) : random.bytes(32),
      random.bytes(32),
    ]),
    (out, k, digest, fresh) => [out, k, digest, fresh],
  ),
  simple(
    "shake256",
    texts(200).map((text) => [text]),
    (out, text) => [text, 200, out, 300],
  ),
  {
    // The matrix is public and sampled in variable time: it is the same in each run, as is the ciphertext's length.
    name: "mlKem768Encapsulate",
    secrets: keys32.map((message) => [message]),
    prepare(caller) {
      const pair = mlKemPair(caller);
      const [secret, ciphertext] = [32, 1088].map((n) => caller.put(new Uint8Array(n)));
      return (message) => [
        "mlKem768Encapsulate",
        ...([secret, ciphertext, pair + 96, message] as number[]),
      ];
    },
  },
  {
    // The right ciphertext and wrong ones, by a bit, by each byte, in every part.
    name: "mlKem768Decapsulate, valid and invalid ciphertexts",
    secrets: [-1, 0, 500, 959, 960, 1087, 2000].map((at) => {
      const change = filled(at === 2000 ? 0xff : 0, 1088);
      if (at >= 0 && at < 1088) change[at] = 1;
      return [change];
    }),
    prepare(caller) {
      const [pair, message] = [mlKemPair(caller), caller.put(random.bytes(32))];
      const [secret, ciphertext] = [32, 1088].map((n) => caller.put(new Uint8Array(n))) as [
        number,
        number,
      ];
      return (change) => {
        caller.call("mlKem768Encapsulate", secret, ciphertext, pair + 96, message);
        for (let at = 0; at < 1088; at += 8) caller.call("pokeXor", ciphertext + at, change + at);
        return ["mlKem768Decapsulate", secret, pair, ciphertext];
      };
    },
  },
  {
    // Other private keys beside the same public key.
    name: "mlKem768Decapsulate, private keys",
    secrets: [...keys32, random.bytes(32)].map((half) => [new Uint8Array([...half, ...half])]),
    prepare(caller) {
      const pair = mlKemPair(caller);
      const [secret, ciphertext] = [caller.put(filled(0, 32)), caller.put(random.bytes(1088))];
      return (seed) => {
        for (let at = 0; at < 64; at += 8) caller.call("pokeCopy", pair + at, seed + at);
        return ["mlKem768Decapsulate", secret, pair, ciphertext];
      };
    },
  },
  // What key generation has besides: its matrix comes of its seed, so that whole runs cannot be compared.
  simple(
    "mlKemSampleNoise",
    texts(128).map((bytes) => [bytes]),
    (out, bytes) => [out, bytes],
  ),
  simple(
    "mlKemNtt",
    [0, 1, 2].map((i) => [polynomial(i)]),
    (_, f) => [f],
  ),
  simple(
    "mlKemReduceSum",
    [0, 1, 2].map((i) => [sum(i)]),
    (_, f) => [f],
  ),
  simple(
    "mlKemEncode",
    [0, 1, 2].map((i) => [sum(i).map((byte, at) => byte & ([0xff, 0xf, 0, 0][at & 3] ?? 0))]),
    (out, f) => [out, f, 12],
  ),
  simple(
    "sha256",
    texts(200).map((text) => [text]),
    (out, text) => [text, 200, out],
  ),
  simple(
    "hmacSha256",
    texts(48).map((key, i) => [key, texts(130)[i] as Uint8Array]),
    (out, key, text) => [key, 48, text, 130, out],
  ),
  simple(
    "hkdfExpand",
    keys32.map((key) => [key]),
    (out, key) => [key, key, 0, out, 80],
  ),
  simple(
    "labelledSecretExpand",
    keys32.map((key) => [key]),
    (out, key) => [key, key, 32, key, 32, out],
  ),
  // Equal, and different in the first, a middle, the last byte, in one bit and in all.
  ...[16, 32].map((length) =>
    simple(
      `ctEqual of ${length} bytes`,
      [-1, 0, length / 2, length - 1].flatMap((at) =>
        [1, 0x80, 0xff].map((change) => {
          const other = filled(0x3c, length);
          if (at >= 0) (other[at] as number) ^= change;
          return [filled(0x3c, length), other];
        }),
      ),
      (_, a, b) => [a, b, length],
      "ctEqual",
    ),
  ),
  ...(["ChaCha20Poly1305", "Aes128Gcm"] as const).flatMap((aead): Operation[] => {
    const prepare = (caller: Caller) => {
      const object = caller.call(`new${aead}`);
      const [nonce, aad, tag] = [12, 20, 16].map((length) => caller.put(random.bytes(length)));
      return { object, nonce, aad, tag } as {
        object: number;
        nonce: number;
        aad: number;
        tag: number;
      };
    };
    const keyed = texts(150).map((text, i) => [keys32[i] as Uint8Array, text]);
    return [
      {
        name: `${aead} key`,
        secrets: keys32.map((key) => [key]),
        prepare: (caller) => {
          const { object } = prepare(caller);
          return (key) => ["aeadSetKey", object, key];
        },
      },
      {
        name: `${aead} seal`,
        secrets: keyed,
        prepare: (caller) => {
          const { object, nonce, aad, tag } = prepare(caller);
          return (key, text) => {
            caller.call("aeadSetKey", object, key);
            return ["aeadSeal", object, nonce, aad, 20, text, 150, tag];
          };
        },
      },
      {
        name: `${aead} open`,
        secrets: keyed,
        prepare: (caller) => {
          const { object, nonce, aad, tag } = prepare(caller);
          return (key, text) => {
            caller.call("aeadSetKey", object, key);
            caller.call("aeadSeal", object, nonce, aad, 20, text, 150, tag);
            return ["aeadOpen", object, nonce, aad, 20, text, 150, tag];
          };
        },
      },
      {
        // A forged tag, wrong in one place or another.
        name: `${aead} refuse`,
        secrets: [0, 1, 7, 14, 15].map((at) => {
          const change = filled(0, 16);
          change[at] = at === 1 ? 0xff : 1;
          return [change];
        }),
        prepare: (caller) => {
          const { object, nonce, aad } = prepare(caller);
          const [key, text] = [caller.put(random.bytes(32)), caller.put(random.bytes(150))];
          caller.call("aeadSetKey", object, key);
          return (tag) => ["aeadOpen", object, nonce, aad, 20, text, 150, tag];
        },
      },
    ];
  }),
];

/**
 * Does every run of every operation; `counted` is told the name before each counted call is made. One run
 * before those warms up the allocator: its free lists are filled then.
 */
function perform(caller: Caller, counted: (operation: string) => void, chosen = operations): void {
  for (const { name, secrets, prepare } of chosen) {
    const places = (secrets[0] ?? []).map((secret) => caller.put(secret));
    const run = prepare(caller);
    for (const [i, values] of [secrets[0] ?? [], ...secrets].entries()) {
      for (const [j, place] of places.entries()) caller.write(place, values[j] ?? filled(0, 0));
      const call = run(...places);
      if (i > 0) counted(name);
      caller.call(...call);
    }
  }
}

function assertEqualCounts(
  counts: ReadonlyMap<string, readonly number[]>,
  where: string,
  chosen = operations,
): void {
  assert.is(counts.size, chosen.length);
  for (const { name, secrets } of chosen) {
    const each = counts.get(name) ?? [];
    assert.is(each.length, secrets.length, name);
    assert.is(new Set(each).size, 1, `${name}, ${where}: ${each.join(" ")}`);
    assert.ok((each[0] ?? 0) > 0);
  }
}

test("the interpreter's step counter shows no difference between secrets", () => {
  const home: Wasm3Home = inWasm3();
  const crypto = new CryptoModule(home);
  const counts = new Map<string, number[]>();
  let current: string | undefined;
  perform(
    {
      put: (bytes) => crypto.put(bytes),
      write: (address, bytes) => home.write(address, bytes),
      call(name, ...args) {
        home.restartFuel();
        const result = Number(home.call(name, ...args));
        if (current) counts.set(current, [...(counts.get(current) ?? []), Number(home.fuelUsed())]);
        current = undefined;
        return result;
      },
    },
    (operation) => {
      current = operation;
    },
  );
  assertEqualCounts(counts, "steps of wasm3");
});

const reason = missingTools();
if (reason) skip(16, reason);
else {
  const recording = new Recording();
  const places: [operation: string, index: number][] = [];
  perform(recording, (operation) => places.push([operation, recording.calls.length]));

  for (const [host, board, small] of [
    ["c", "mps2-an385"],
    ["c", "mps2-an386"],
    ["c", "mps2-an500"],
    ["c", "mps2-an505"],
    ["thumb2", "mps2-an385"],
    ["thumb2", "mps2-an386"],
    ["thumb2", "mps2-an500"],
    ["thumb2", "mps2-an505"],
    ["wasm3", "mps2-an386"],
    // As the MCU client is compiled.
    ["c", "mps2-an386", "for size"],
    ["c", "mps2-an505", "for size"],
  ] as const) {
    const where = `${host} on ${board}${small ? `, ${small}` : ""}`;
    test(`instruction counts show no difference between secrets, ${where}`, async () => {
      const all = await recording.count(host, board, small !== undefined);
      const counts = new Map<string, number[]>();
      for (const [operation, index] of places) {
        const count = all[index]?.instructions ?? 0;
        counts.set(operation, [...(counts.get(operation) ?? []), count]);
      }
      assertEqualCounts(counts, `instructions of ${where}`);
    });
  }

  const inLoops = operations.filter(({ name }) => /^p256|^hmac|^sha256/.test(name));
  assert.ok(inLoops.length > 2);
  for (const [board, build, owner] of [
    ["mps2-an386", "testing/crypto-small", "the first stage"],
    ["mps2-an505", "testing/crypto-small", "the first stage"],
    ["mps2-an386", "testing/crypto-token", "the token module"],
    ["mps2-an505", "testing/crypto-token", "the token module"],
  ] as const)
    test(`nor for what signs as ${owner} has it, on ${board}`, async () => {
      const small = new Recording(wasmPath(build));
      const calls: [operation: string, index: number][] = [];
      perform(small, (operation) => calls.push([operation, small.calls.length]), inLoops);
      const isTokens = build === "testing/crypto-token";
      const all = await small.count("c", board, isTokens ? "smallest" : true);
      const counts = new Map<string, number[]>();
      for (const [operation, index] of calls)
        counts.set(operation, [...(counts.get(operation) ?? []), all[index]?.instructions ?? 0]);
      assertEqualCounts(counts, `instructions on ${board}`, inLoops);
    });

  test("the counts would show a difference: verification, whose time is not constant, has one", async () => {
    const variable = new Recording();
    const [key, digest] = [variable.put(random.bytes(31)), variable.put(random.bytes(32))];
    const [publicKey, signature] = [variable.allocate(65), variable.allocate(64)];
    variable.call("p256PublicKey", publicKey, key);
    const verifications: number[] = [];
    for (let i = 0; i < 3; i++) {
      variable.write(digest, random.bytes(32));
      variable.call("p256Sign", signature, key, digest, digest);
      verifications.push(variable.calls.length);
      assert.is(variable.call("p256Verify", signature, digest, publicKey), 1);
    }
    const counts = await variable.count("c");
    const each = verifications.map((index) => counts[index]?.instructions);
    assert.ok(new Set(each).size > 1, each.join(" "));
  });
}

test.run();
