import { readFileSync } from "node:fs";
import { sha256 } from "@noble/hashes/sha2.js";
import * as assert from "uvu/assert";
import { wasmPath } from "../../host/common/paths.js";
import { Environment } from "../../host/wasm3-node/index.js";

/** An instance of build/wasm/testing/crypto.wasm, or another build of it, wherever it runs. */
export interface Home {
  readonly name: string;
  call(name: string, ...args: (number | bigint)[]): number | bigint;
  read(address: number, length: number): Uint8Array;
  write(address: number, bytes: Uint8Array): void;
}

/** What the module's `platform.random` answers; throws to have it fail. */
export type RandomSource = (length: number) => Uint8Array;

/** Counts up, so that a test can tell what was drawn: 0, 1, 2, … over all calls. */
export function countingSource(): RandomSource {
  let next = 0;
  return (length) => Uint8Array.from({ length }, () => next++ & 0xff);
}

const cryptoWasm = (build: string) => new Uint8Array(readFileSync(wasmPath(build)));

/** Answers `platform.random(pointer, length)`: 0, or E_UNAVAILABLE when the source throws. */
function answerRandom(
  source: RandomSource,
  write: (address: number, bytes: Uint8Array) => void,
): (pointer: number, length: number) => number {
  return (pointer, length) => {
    try {
      write(pointer >>> 0, source(length >>> 0));
      return 0;
    } catch {
      return -1;
    }
  };
}

export function inV8(source: RandomSource = countingSource(), build = "testing/crypto"): Home {
  const module = new WebAssembly.Module(cryptoWasm(build));
  const memory = () => new Uint8Array((exports.memory as WebAssembly.Memory).buffer);
  const write = (address: number, bytes: Uint8Array) => memory().set(bytes, address);
  const { exports } = new WebAssembly.Instance(module, {
    platform: { random: answerRandom(source, write) },
  });
  (exports._initialize as () => void)();
  return {
    name: "V8",
    call: (name, ...args) => (exports[name] as (...args: unknown[]) => number)(...args) ?? 0,
    read: (address, length) => memory().slice(address >>> 0, (address >>> 0) + length),
    write,
  };
}

/** Also tells how many calls and loop turns it took since the last `restartFuel`. */
export interface Wasm3Home extends Home {
  restartFuel(): void;
  fuelUsed(): bigint;
}

export function inWasm3(
  source: RandomSource = countingSource(),
  build = "testing/crypto",
): Wasm3Home {
  const runtime = new Environment().newRuntime();
  const module = runtime.load(cryptoWasm(build), "crypto");
  const write = (address: number, bytes: Uint8Array) => runtime.memory.write(address, bytes);
  module.link("platform", "random", "i(ii)", answerRandom(source, write));
  module.findFunction("_initialize").call();
  const functions = new Map<string, ReturnType<typeof module.findFunction>>();
  return {
    name: "wasm3",
    call(name, ...args) {
      let fn = functions.get(name);
      if (!fn) {
        fn = module.findFunction(name);
        functions.set(name, fn);
      }
      return fn.call(...args) ?? 0;
    },
    read: (address, length) => runtime.memory.read(address >>> 0, length),
    write,
    restartFuel: () => runtime.setFuel(undefined),
    fuelUsed: () => runtime.fuelUsed,
  };
}

/** Bytes of a key pair in memory: seed, hash of the encapsulation key, encapsulation key. */
export const mlKemPairSize = 64 + 32 + 1184;

export type AeadName = "ChaCha20Poly1305" | "Aes128Gcm";

/** The exports of assembly/testing/crypto.ts with byte arrays for pointers. */
export class CryptoModule {
  readonly home: Home;
  readonly #aeads = new Map<AeadName, number>();

  constructor(home: Home) {
    this.home = home;
  }

  /** Calls `body` with the addresses of copies of the inputs, then overwrites them and gives their memory back. */
  with<T>(inputs: readonly Uint8Array[], body: (...addresses: number[]) => T): T {
    const addresses = inputs.map((bytes) => this.put(bytes));
    try {
      return body(...addresses);
    } finally {
      for (const [i, address] of addresses.entries()) {
        this.home.write(address, new Uint8Array(inputs[i]?.length ?? 0));
        this.home.call("release", address);
      }
    }
  }

  /** The address of a copy of the bytes. A byte more is allocated: no input has the address 0 or another's. */
  put(bytes: Uint8Array): number {
    const address = Number(this.home.call("allocate", bytes.length + 1));
    this.home.write(address, bytes);
    return address;
  }

  /** What `body` has put at the address of an output of so many bytes, which is 0xaa at first. */
  output(length: number, body: (address: number) => unknown): Uint8Array {
    return this.with([new Uint8Array(length).fill(0xaa)], (address) => {
      body(address);
      return this.home.read(address, length);
    });
  }

  /** As `output`, but undefined when `body` returns false. */
  checkedOutput(
    length: number,
    body: (address: number) => number | bigint,
  ): Uint8Array | undefined {
    let valid = false;
    const bytes = this.output(length, (address) => {
      valid = Number(body(address)) !== 0;
    });
    return valid ? bytes : undefined;
  }

  sha256(data: Uint8Array): Uint8Array {
    return this.with([data], (d) =>
      this.output(32, (digest) => this.home.call("sha256", d, data.length, digest)),
    );
  }

  /** The incremental hash, fed in pieces. */
  sha256Pieces(pieces: readonly Uint8Array[]): Uint8Array {
    const hash = Number(this.home.call("newSha256"));
    for (const piece of pieces) {
      this.with([piece], (p) => this.home.call("sha256Update", hash, p, piece.length));
    }
    return this.output(32, (digest) => this.home.call("sha256Finish", hash, digest));
  }

  /** SHA-3, or SHAKE with a length of the output. */
  sha3(name: "sha3_256" | "sha3_512" | "shake128" | "shake256", data: Uint8Array, length: number) {
    const given = name.startsWith("shake") ? [length] : [];
    return this.with([data], (d) =>
      this.output(length, (out) => this.home.call(name, d, data.length, out, ...given)),
    );
  }

  /** A key pair of ML-KEM-768, in the form in which the module keeps it. */
  mlKemGenerate(seed: Uint8Array): { pair: Uint8Array; publicKey: Uint8Array } {
    const place = new Uint8Array(mlKemPairSize);
    place.set(seed);
    return this.with([place], (p) => {
      this.home.call("mlKem768Generate", p);
      const pair = this.home.read(p, mlKemPairSize);
      return { pair, publicKey: pair.slice(96) };
    });
  }

  /** Undefined when the key is refused; then it also checks that nothing was written. */
  mlKemEncapsulate(
    publicKey: Uint8Array,
    message: Uint8Array,
  ): { cipherText: Uint8Array; sharedSecret: Uint8Array } | undefined {
    return this.with(
      [publicKey, message, new Uint8Array(1088).fill(0xaa), new Uint8Array(32).fill(0xaa)],
      (key, m, c, secret) => {
        const valid = Number(this.home.call("mlKem768Encapsulate", secret, c, key, m)) !== 0;
        const [cipherText, sharedSecret] = [this.home.read(c, 1088), this.home.read(secret, 32)];
        if (valid) return { cipherText, sharedSecret };
        if (![...cipherText, ...sharedSecret].every((byte) => byte === 0xaa))
          throw new Error("something was written for a refused key");
        return undefined;
      },
    );
  }

  mlKemDecapsulate(pair: Uint8Array, cipherText: Uint8Array): Uint8Array {
    return this.with([pair, cipherText], (p, c) =>
      this.output(32, (secret) => this.home.call("mlKem768Decapsulate", secret, p, c)),
    );
  }

  hmac(key: Uint8Array, data: Uint8Array): Uint8Array {
    return this.with([key, data], (k, d) =>
      this.output(32, (tag) => this.home.call("hmacSha256", k, key.length, d, data.length, tag)),
    );
  }

  hkdfExtract(salt: Uint8Array, ikm: Uint8Array): Uint8Array {
    return this.with([salt, ikm], (s, i) =>
      this.output(32, (prk) => this.home.call("hkdfExtract", s, salt.length, i, ikm.length, prk)),
    );
  }

  hkdfExpand(prk: Uint8Array, info: Uint8Array, length: number): Uint8Array {
    return this.with([prk, info], (p, i) =>
      this.output(length, (okm) => this.home.call("hkdfExpand", p, i, info.length, okm, length)),
    );
  }

  hkdfExpandLabel(
    secret: Uint8Array,
    label: string,
    context: Uint8Array,
    length: number,
  ): Uint8Array {
    const labelBytes = new TextEncoder().encode(label);
    return this.with([secret, labelBytes, context], (s, l, c) =>
      this.output(length, (out) =>
        this.home.call(
          "hkdfExpandLabel",
          ...[s, l, labelBytes.length, c, context.length, out, length],
        ),
      ),
    );
  }

  /** One label of 32 bytes, expanded twice from a secret that is keyed once. */
  labelledSecretExpand(secret: Uint8Array, label: string, context: Uint8Array): Uint8Array {
    const labelBytes = new TextEncoder().encode(label);
    return this.with([secret, labelBytes, context], (s, l, c) =>
      this.output(64, (out) =>
        this.home.call(
          "labelledSecretExpand",
          ...[s, l, labelBytes.length, c, context.length, out],
        ),
      ),
    );
  }

  aead(name: AeadName, key: Uint8Array): number {
    let aead = this.#aeads.get(name);
    if (aead === undefined) {
      aead = Number(this.home.call(`new${name}`));
      this.#aeads.set(name, aead);
    }
    this.with([key], (k) => this.home.call("aeadSetKey", aead, k));
    return aead;
  }

  /** The ciphertext and, after it, the tag. */
  seal(
    name: AeadName,
    key: Uint8Array,
    nonce: Uint8Array,
    aad: Uint8Array,
    plaintext: Uint8Array,
  ): Uint8Array {
    const aead = this.aead(name, key);
    const record = new Uint8Array(plaintext.length + 16);
    record.set(plaintext);
    return this.with([nonce, aad, record], (n, a, d) => {
      this.home.call(
        "aeadSeal",
        ...[aead, n, a, aad.length, d, plaintext.length, d + plaintext.length],
      );
      return this.home.read(d, record.length);
    });
  }

  /** The plaintext, or undefined when the tag is wrong; then it also checks that nothing was changed. */
  open(
    name: AeadName,
    key: Uint8Array,
    nonce: Uint8Array,
    aad: Uint8Array,
    sealed: Uint8Array,
  ): Uint8Array | undefined {
    const aead = this.aead(name, key);
    const length = sealed.length - 16;
    return this.with([nonce, aad, sealed], (n, a, d) => {
      const valid = this.home.call("aeadOpen", ...[aead, n, a, aad.length, d, length, d + length]);
      const after = this.home.read(d, sealed.length);
      if (Number(valid) !== 0) return after.subarray(0, length);
      if (!same(after, sealed)) throw new Error("a refused record was changed");
      return undefined;
    });
  }

  /** The result; undefined when the function says that it is all zero. */
  x25519(scalar: Uint8Array, u: Uint8Array): Uint8Array | undefined {
    return this.with([scalar, u], (k, point) =>
      this.checkedOutput(32, (out) => this.home.call("x25519", out, k, point)),
    );
  }

  x25519PublicKey(scalar: Uint8Array): Uint8Array {
    return this.with([scalar], (k) =>
      this.output(32, (out) => this.home.call("x25519PublicKey", out, k)),
    );
  }

  p256PublicKey(privateKey: Uint8Array): Uint8Array | undefined {
    return this.with([privateKey], (k) =>
      this.checkedOutput(65, (out) => this.home.call("p256PublicKey", out, k)),
    );
  }

  p256Ecdh(privateKey: Uint8Array, peer: Uint8Array): Uint8Array | undefined {
    return this.with([privateKey, peer], (k, q) =>
      this.checkedOutput(32, (out) => this.home.call("p256Ecdh", out, k, q)),
    );
  }

  /** With fresh bytes of any number, 0 of them for RFC 6979 as it stands. */
  p256Sign(privateKey: Uint8Array, digest: Uint8Array, fresh: Uint8Array): Uint8Array | undefined {
    return this.with([privateKey, digest, fresh], (k, d, f) =>
      this.checkedOutput(64, (out) =>
        fresh.length === 32
          ? this.home.call("p256Sign", out, k, d, f)
          : this.home.call("p256SignWith", out, k, d, f, fresh.length),
      ),
    );
  }

  /** Verifies by the key itself. */
  p256VerifyByKey(signature: Uint8Array, digest: Uint8Array, publicKey: Uint8Array): boolean {
    return this.with(
      [signature, digest, publicKey],
      (s, d, q) => Number(this.home.call("p256Verify", s, d, q)) !== 0,
    );
  }

  /** Verifies by the key itself, and by its tables of every size, which must agree. */
  p256Verify(signature: Uint8Array, digest: Uint8Array, publicKey: Uint8Array): boolean {
    const verified = this.p256VerifyByKey(signature, digest, publicKey);
    for (const blocks of [1, 2, 4]) {
      const byTable = this.with(
        [signature, digest, publicKey, new Uint8Array(1024 * blocks)],
        (s, d, q, table) =>
          Number(this.home.call("p256MakeKeyTable", table, blocks, q)) !== 0 &&
          Number(this.home.call("p256VerifyByTable", s, d, table, blocks)) !== 0,
      );
      assert.is(byTable, verified, `by a table of ${blocks} blocks`);
    }
    return verified;
  }

  signatureToDer(raw: Uint8Array): Uint8Array {
    return this.with([raw, new Uint8Array(72)], (r, der) => {
      const length = Number(this.home.call("ecdsaSignatureToDer", r, der));
      return this.home.read(der, length);
    });
  }

  signatureFromDer(der: Uint8Array): Uint8Array | undefined {
    return this.with([der], (d) =>
      this.checkedOutput(64, (raw) => this.home.call("ecdsaSignatureFromDer", d, der.length, raw)),
    );
  }
}

export function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/** Bytes of a hexadecimal string; white space is ignored. */
export function hex(digits: string): Uint8Array {
  const compact = digits.replaceAll(/\s+/g, "");
  if (!/^([0-9a-f]{2})*$/i.test(compact)) throw new Error(`not hexadecimal: ${digits}`);
  return new Uint8Array(Buffer.from(compact, "hex"));
}

export function toHex(bytes: Uint8Array | undefined): string | undefined {
  return bytes && Buffer.from(bytes).toString("hex");
}

export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/**
 * Repeatable random inputs: SHA-256 of a seed and a counter. The seed is printed, and taken from the
 * environment variable CRYPTO_SEED to run a failed test again.
 */
export class RandomInputs {
  readonly seed: string;
  #counter = 0;

  constructor(seed = process.env.CRYPTO_SEED ?? Date.now().toString(36)) {
    this.seed = seed;
    console.log(`inputs are made of CRYPTO_SEED=${seed}`);
  }

  bytes(length: number): Uint8Array {
    const result = new Uint8Array(length);
    for (let at = 0; at < length; at += 32) {
      const block = sha256(utf8(`${this.seed}/${this.#counter++}`));
      result.set(block.subarray(0, Math.min(32, length - at)), at);
    }
    return result;
  }

  /** A whole number from 0 to `bound` - 1. */
  below(bound: number): number {
    return new DataView(this.bytes(4).buffer).getUint32(0) % bound;
  }
}
