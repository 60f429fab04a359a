// Mutations of modules: most keep the structure (sizes of sections and bodies fit), so that what is
// mutated is reached; some break it.

import { SectionId } from "../../../host/common/wasm-sections.js";
import type { Random } from "../../support/random.js";
import { leb } from "../bytes.js";
import { instructions } from "../instructions.js";

interface Part {
  id: number;
  content: Uint8Array;
}

function readU32(bytes: Uint8Array, offset: number): [value: number, next: number] {
  let value = 0;
  for (let at = offset, scale = 1; ; at++, scale *= 128) {
    const byte = bytes[at];
    if (byte === undefined || at > offset + 5) throw new RangeError("not well-formed");
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return [value, at + 1];
  }
}

/** Sections of a well-formed module. */
function split(module: Uint8Array): Part[] {
  const parts: Part[] = [];
  for (let at = 8; at < module.length; ) {
    const id = module[at] as number;
    const [size, start] = readU32(module, at + 1);
    parts.push({ id, content: module.subarray(start, start + size) });
    at = start + size;
  }
  return parts;
}

/** Function bodies of a code section's content. */
function bodies(content: Uint8Array): Uint8Array[] {
  let [count, at] = readU32(content, 0);
  const list: Uint8Array[] = [];
  for (; count > 0; count--) {
    const [size, start] = readU32(content, at);
    if (start + size > content.length) throw new RangeError("not well-formed");
    list.push(content.subarray(start, start + size));
    at = start + size;
  }
  return list;
}

const concat = (...pieces: (Uint8Array | readonly number[])[]): Uint8Array => {
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
};

/** Opcodes by what they take and give, among them each one's equals. */
const equals = new Map<number, number[]>();
{
  const groups = new Map<string, number[]>();
  for (const { code, takes, gives, align } of instructions) {
    const opcode = code[0] as number;
    if (opcode === 0xfc) continue;
    const key = `${takes}>${gives}>${align === undefined ? code.length : "memory"}`;
    const group = groups.get(key) ?? [];
    group.push(opcode);
    groups.set(key, group);
    equals.set(opcode, group);
  }
  const locals = [0x20, 0x21, 0x22];
  for (const opcode of locals) equals.set(opcode, locals);
  for (const opcode of [0x02, 0x03]) equals.set(opcode, [0x02, 0x03]);
  for (const opcode of [0x0c, 0x0d, 0x0f]) equals.set(opcode, [0x0c, 0x0d]);
}
const interesting = [
  ...[0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x10, 0x11, 0x1a, 0x1b],
  ...[0x20, 0x21, 0x22, 0x23, 0x24, 0x28, 0x36, 0x3f, 0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x6a],
  ...[0x7c, 0x92, 0xa0, 0xa7, 0xad, 0xbc, 0xc0, 0xfc, 0x7f, 0x7e, 0x7d, 0x40, 0x70, 0x80, 0xff],
];

function byteMutation(random: Random, byte: number): number {
  switch (random.below(5)) {
    case 0:
      return byte ^ (1 << random.below(8));
    case 1:
      return (byte + random.pick([1, 255])) & 0xff;
    case 2:
      return random.pick(equals.get(byte) ?? interesting);
    case 3:
      return random.pick(interesting);
    default:
      return random.below(256);
  }
}

/** Bytes changed, put in, taken out or repeated within `bytes`; `donor` gives what is put in. */
function edit(random: Random, bytes: Uint8Array, donor: Uint8Array): Uint8Array {
  if (bytes.length === 0) return Uint8Array.of(random.pick(interesting));
  const at = random.below(bytes.length);
  switch (random.below(9)) {
    case 0:
    case 1:
    case 2: {
      const changed = bytes.slice();
      changed[at] = byteMutation(random, changed[at] as number);
      return changed;
    }
    case 3:
    case 4: {
      // Equals for equals: such modules mostly stay valid.
      const changed = bytes.slice();
      for (let tries = 0; tries < 8; tries++) {
        const index = random.below(bytes.length);
        const group = equals.get(changed[index] as number);
        if (group) changed[index] = random.pick(group);
        if (group && random.oneIn(2)) break;
      }
      return changed;
    }
    case 5:
      return concat(bytes.subarray(0, at), [random.pick(interesting)], bytes.subarray(at));
    case 6: {
      const length = 1 + random.below(Math.min(4, bytes.length - at));
      return concat(bytes.subarray(0, at), bytes.subarray(at + length));
    }
    case 7: {
      const from = random.below(bytes.length);
      const piece = bytes.subarray(from, from + 1 + random.below(8));
      return concat(bytes.subarray(0, at), piece, bytes.subarray(at));
    }
    default: {
      const from = random.below(Math.max(1, donor.length));
      const piece = donor.subarray(from, from + 1 + random.below(24));
      const cut = random.below(Math.min(24, bytes.length - at) + 1);
      return concat(bytes.subarray(0, at), piece, bytes.subarray(at + cut));
    }
  }
}

/** A mutation of `seed`; `donor` is another module, of which pieces may be taken. */
export function mutate(random: Random, seed: Uint8Array, donor: Uint8Array): Uint8Array {
  const parts = split(seed);
  const rounds = 1 + (random.oneIn(3) ? random.below(4) : 0);
  let size = (length: number): number[] => leb(length);
  for (let round = 0; round < rounds && parts.length > 0; round++) {
    const choice = random.below(20);
    const code = parts.find(({ id }) => id === SectionId.code);
    if (choice < 14 && code) {
      let list: Uint8Array[];
      try {
        list = bodies(code.content);
      } catch {
        list = [];
      }
      if (list.length > 0) {
        const donors = split(donor).find(({ id }) => id === SectionId.code);
        const index = random.below(list.length);
        list[index] = edit(random, list[index] as Uint8Array, donors?.content ?? donor);
        code.content = concat(
          leb(list.length),
          ...list.flatMap((each) => [leb(each.length, random.oneIn(9) ? 5 : 1), each]),
        );
      }
    } else if (choice < 18) {
      const part = random.pick(parts);
      part.content = edit(random, part.content, donor);
    } else if (choice === 18) {
      const index = random.below(parts.length);
      const other = random.below(parts.length);
      const part = parts[index] as Part;
      switch (random.below(4)) {
        case 0:
          parts.splice(index, 1);
          break;
        case 1:
          parts.splice(other, 0, part);
          break;
        case 2:
          parts[index] = parts[other] as Part;
          parts[other] = part;
          break;
        default:
          part.id = random.below(15);
      }
    } else size = (length) => leb(length, 1 + random.below(6));
  }
  const whole = concat(
    seed.subarray(0, 8),
    ...parts.flatMap(({ id, content }) => [[id], size(content.length), content]),
  );
  if (!random.oneIn(25)) return whole;
  // Damage that no size follows.
  const at = random.below(whole.length);
  switch (random.below(3)) {
    case 0:
      whole[at] = random.below(256);
      return whole;
    case 1:
      return whole.subarray(0, at);
    default:
      return concat(whole.subarray(0, at), [random.below(256)], whole.subarray(at));
  }
}
