// The multiples of the base point in assembly/crypto/edwards25519-table.ts, computed again by @noble; and public keys by them
// at the scalars where a digit, a carry or a sign might go wrong.
import { ed25519, x25519 } from "@noble/curves/ed25519.js";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { CryptoModule, inV8, inWasm3, toHex } from "./support.js";

const home = inV8();
const { Fp, Fn, BASE } = ed25519.Point;
const d = Fp.div(-121665n, 121666n);

test("each of the 16 points is the multiple that its place says", () => {
  const comb = Number(home.call("edwardsCombAddress"));
  const number = (at: number) => {
    const value = BigInt(`0x${toHex(home.read(at, 32).reverse())}`);
    assert.ok(value < Fp.ORDER, "reduced");
    return value;
  };
  for (let block = 0; block < 2; block++) {
    for (let index = 0; index < 8; index++) {
      let multiple = 2n ** 192n;
      for (let bit = 0; bit < 3; bit++) {
        const tooth = 2n ** BigInt(64 * bit);
        multiple += (index >> bit) & 1 ? tooth : -tooth;
      }
      const point = BASE.multiply(Fn.create(multiple * 2n ** BigInt(32 * block)));
      const { x, y } = point.toAffine();
      const at = comb + (block * 8 + index) * 96;
      assert.is(number(at), Fp.create(y + x), `y + x, block ${block}, point ${index}`);
      assert.is(number(at + 32), Fp.create(y - x), `y - x, block ${block}, point ${index}`);
      assert.is(number(at + 64), Fp.create(2n * d * x * y), `2dxy, block ${block}, point ${index}`);
    }
  }
});

const scalars: Uint8Array[] = [new Uint8Array(32), new Uint8Array(32).fill(0xff)];
for (let bit = 0; bit < 256; bit++) {
  const one = new Uint8Array(32);
  one[bit >> 3] = 1 << (bit & 7);
  scalars.push(
    one,
    Uint8Array.from(one, (byte) => byte ^ 0xff),
  );
}
// Around the order, where adding it carries through: multiples of 8 next to n and 2 n.
for (const near of [Fn.ORDER, 2n * Fn.ORDER, 2n ** 255n - Fn.ORDER])
  for (let i = -8n; i <= 8n; i++) {
    const hex = (near + i).toString(16).padStart(64, "0");
    scalars.push(Uint8Array.from(Buffer.from(hex, "hex").reverse()));
  }

for (const home of [inV8(), inWasm3()]) {
  test(`public keys of scalars at the edges, in ${home.name}`, () => {
    const crypto = new CryptoModule(home);
    const step = home.name === "V8" ? 1 : 23;
    for (let i = 0; i < scalars.length; i += step) {
      const scalar = scalars[i] as Uint8Array;
      assert.equal(crypto.x25519PublicKey(scalar), x25519.getPublicKey(scalar), toHex(scalar));
    }
  });
}

test.run();
