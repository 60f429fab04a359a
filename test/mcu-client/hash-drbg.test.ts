// The generator that an emulated board's core seeds from its host, compiled for this computer, against another
// implementation of Hash_DRBG (SP 800-90A Rev. 1, §10.1.1) in whole numbers.
import { execFileSync, spawnSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { projectRoot } from "../../host/common/paths.js";
import { skip } from "../support/shared.js";

const SEED_BITS = 440n;
const MODULUS = 1n << SEED_BITS;
/** Most bytes of one request: 2^19 bits. */
const REQUEST_BYTES = 65536;

const sha256 = (...parts: Uint8Array[]) => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
};
const number = (bytes: Buffer) => BigInt(`0x${bytes.toString("hex")}`);
const bytesOf = (value: bigint) =>
  Buffer.from(value.toString(16).padStart(Number(SEED_BITS) / 4, "0"), "hex");

/** Hash_df of §10.3.1 for SEED_BITS. */
function derive(input: Buffer): bigint {
  const bits = Buffer.alloc(4);
  bits.writeUInt32BE(Number(SEED_BITS));
  const blocks = [1, 2].map((counter) => sha256(Buffer.of(counter), bits, input));
  return number(Buffer.concat(blocks)) >> (512n - SEED_BITS);
}

class HashDrbg {
  #v: bigint;
  readonly #c: bigint;
  #counter = 1n;

  constructor(seed: Buffer) {
    this.#v = derive(seed);
    this.#c = derive(Buffer.concat([Buffer.of(0), bytesOf(this.#v)]));
  }

  #request(length: number): Buffer {
    const blocks: Buffer[] = [];
    for (let i = 0n; blocks.length * 32 < length; i++)
      blocks.push(sha256(bytesOf((this.#v + i) % MODULUS)));
    const h = number(sha256(Buffer.of(3), bytesOf(this.#v)));
    this.#v = (this.#v + h + this.#c + this.#counter++) % MODULUS;
    return Buffer.concat(blocks).subarray(0, length);
  }

  generate(length: number): Buffer {
    const parts: Buffer[] = [];
    for (let left = length; left > 0; left -= REQUEST_BYTES)
      parts.push(this.#request(Math.min(left, REQUEST_BYTES)));
    return Buffer.concat(parts);
  }
}

const folder = mkdtempSync(join(tmpdir(), "vc-hash-drbg-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));
const program = join(folder, "hash-drbg");

if (spawnSync("cc", ["--version"]).status === 0) {
  test.before(() => {
    const common = join(projectRoot, "mcu-client/common");
    const sources = ["hash-drbg.c", "sha256.c"].map((name) => join(common, name));
    const harness = join(projectRoot, "test/mcu-client/hash-drbg.c");
    const flags = ["-std=gnu11", "-O1", "-Wall", "-Wextra", `-I${common}`];
    execFileSync("cc", [...flags, ...sources, harness, "-o", program]);
  });

  test("it generates what another implementation does, over requests of any length", () => {
    const seeds = [Buffer.alloc(48), Buffer.alloc(48, 0xff), randomBytes(48), randomBytes(48)];
    const lengths = [1, 32, 33, 64, 0, 31, 65536, 16, 65537, 131073, 48];
    for (const seed of seeds) {
      const drbg = new HashDrbg(seed);
      const expected = lengths.map((length) => drbg.generate(length).toString("hex"));
      const output = execFileSync(program, [seed.toString("hex"), ...lengths.map(String)], {
        encoding: "utf8",
        maxBuffer: 16 * 1024 * 1024,
      });
      assert.equal(output.trimEnd().split("\n"), expected, seed.toString("hex"));
    }
  });
} else skip(1, "no C compiler (Debian: gcc)");
test.run();
