// Program for test/sdk/rand.test.ts. Input 0 is a seed; input 1 says what to draw: the kind (u8), how
// often (u32), and two parameters (f64). The result is the numbers drawn, one after the other.
import {
  Codec,
  decodeInput,
  encode,
  fail,
  Random,
  ReturnCode,
  readInput,
  writeOutput,
} from "../sdk";

class Order {
  kind: u8 = 0;
  count: u32 = 0;
  a: f64 = 0;
  b: f64 = 0;

  fields(codec: Codec): void {
    this.kind = codec.of(this.kind);
    this.count = codec.of(this.count);
    this.a = codec.of(this.a);
    this.b = codec.of(this.b);
  }
}

/** The numbers from 0 to `length` - 1. */
function ascending(length: i32): Array<u32> {
  const items = new Array<u32>(length);
  for (let i = 0; i < length; i++) items[i] = i;
  return items;
}

function draw(random: Random, order: Order, codec: Codec): void {
  switch (order.kind) {
    case 0:
      codec.of<u32>(random.nextU32());
      break;
    case 1:
      codec.of<u64>(random.nextU64());
      break;
    case 2:
      codec.of<u32>(random.below(order.a as u32));
      break;
    case 3:
      codec.of<u64>(random.below64(order.a as u64));
      break;
    case 4:
      codec.of<i32>(random.between(order.a as i32, order.b as i32));
      break;
    case 5:
      codec.of<f64>(random.f64());
      break;
    case 6:
      codec.of<f32>(random.f32());
      break;
    case 7:
      codec.of<bool>(random.bernoulli(order.a));
      break;
    case 8:
      codec.of<f64>(random.normal(order.a, order.b));
      break;
    case 9:
      codec.of<f64>(random.exponential(order.a));
      break;
    case 10: {
      const items = ascending(order.a as i32);
      random.shuffle<u32>(items);
      codec.fixed<u32>(items);
      break;
    }
    case 11: {
      const items = ascending(order.a as i32);
      random.sample<u32>(items, order.b as i32);
      codec.fixed<u32>(items.slice(0, min(order.b as i32, items.length)));
      break;
    }
    case 12: {
      const buffer = new Uint8Array(order.a as i32);
      random.fill(buffer);
      for (let i = 0; i < buffer.length; i++) codec.of<u8>(buffer[i]);
      break;
    }
    case 13:
      // 2^63 becomes the largest i64.
      codec.of<i64>(random.between64(order.a as i64, order.b as i64));
      break;
  }
}

export function main(): i32 {
  const seed = readInput(0);
  if (seed.failed) return fail(seed.code);
  const order = decodeInput<Order>(1);
  if (order.failed) return fail(order.code);
  const random = Random.fromSeed(seed.value);
  const codec = Codec.writer();
  for (let i: u32 = 0; i < order.value.count; i++) draw(random, order.value, codec);
  return codec.failed ? fail(ReturnCode.Generic) : writeOutput(codec.written);
}

/** The encoding of one value, so that `encode` is used on its own, too. */
export function encodeSeven(): i32 {
  const bytes = encode<u16>(7);
  return bytes.failed ? fail(bytes.code) : writeOutput(bytes.value);
}
