// The multiples of the base point in assembly/crypto/p256-table.ts, computed anew by @noble.
import { p256 } from "@noble/curves/nist.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { hex, inV8, toHex, utf8 } from "./support.js";

type Point = InstanceType<typeof p256.Point>;
const { Fp, Fn, BASE } = p256.Point;
const R = 2n ** 261n;

const home = inV8();

/** The affine point behind 64 bytes of the table: two little-endian numbers, each times R. */
function readPoint(address: number): Point {
  const [x, y] = [0, 32].map((offset) => {
    const bytes = home.read(address + offset, 32).reverse();
    const value = BigInt(`0x${toHex(bytes)}`);
    assert.ok(value < Fp.ORDER, "reduced");
    return Fp.create(value * Fp.inv(R));
  });
  return p256.Point.fromAffine({ x: x as bigint, y: y as bigint });
}

test("each of the 64 points is the multiple that its place says", () => {
  for (let block = 0; block < 4; block++) {
    const points = Number(home.call("combAddress", block));
    for (let index = 0; index < 16; index++) {
      let multiple = 2n ** 208n;
      for (let bit = 0; bit < 4; bit++) {
        const tooth = 2n ** BigInt(52 * bit);
        multiple += (index >> bit) & 1 ? tooth : -tooth;
      }
      const scalar = Fn.create(multiple * 2n ** BigInt(13 * block));
      const actual = readPoint(points + index * 64);
      assert.ok(actual.equals(BASE.multiply(scalar)), `block ${block}, point ${index}`);
    }
  }
});

test("the comb begins at a point made of a hash, and ends with what takes it off", () => {
  let start: Point | undefined;
  for (let i = 0; !start; i++) {
    const x = sha256(new Uint8Array([...utf8("veracruz p256 comb start"), i]));
    try {
      start = p256.Point.fromBytes(hex(`02${toHex(x)}`));
    } catch {
      // Not the x-coordinate of a point: the next one.
    }
  }
  assert.ok(readPoint(Number(home.call("combStartAddress"))).equals(start));
  const end = readPoint(Number(home.call("combEndAddress")));
  assert.ok(end.equals(start.multiply(2n ** 12n).negate()));
  const oneBlock = readPoint(Number(home.call("combEndOneBlockAddress")));
  assert.ok(oneBlock.equals(start.multiply(2n ** 51n).negate()));
});

test.run();
