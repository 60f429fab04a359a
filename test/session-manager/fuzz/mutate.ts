import type { Random } from "../../support/random.js";

/** Values that parsers stumble over more often than over others. */
const awkward = [0, 1, 2, 3, 4, 15, 16, 31, 32, 33, 63, 64, 127, 128, 254, 255];

/** Changes bytes in one to four places: other values, flipped bits, bytes left out, put in, or moved. */
export function mutate(bytes: Buffer, random: Random): Buffer {
  let changed = Buffer.from(bytes);
  for (let left = 1 + random.below(4); left > 0; left--) {
    const at = random.below(changed.length + 1);
    switch (random.below(9)) {
      case 0:
        if (at < changed.length) changed[at] = (changed[at] as number) ^ (1 << random.below(8));
        break;
      case 1:
        if (at < changed.length) changed[at] = random.pick(awkward);
        break;
      case 2:
        if (at < changed.length) changed[at] = random.below(256);
        break;
      case 3: // a length that is a little off
        if (at < changed.length)
          changed[at] = (changed[at] as number) + random.pick([1, -1, 2, -2]);
        break;
      case 4:
        changed = Buffer.concat([
          changed.subarray(0, at),
          changed.subarray(at + 1 + random.below(16)),
        ]);
        break;
      case 5:
        changed = Buffer.concat([
          changed.subarray(0, at),
          random.bytes(1 + random.below(16)),
          changed.subarray(at),
        ]);
        break;
      case 6: // a part of it again, somewhere else
        {
          const from = random.below(changed.length + 1);
          const part = Buffer.from(changed.subarray(from, from + random.below(64)));
          changed = Buffer.concat([changed.subarray(0, at), part, changed.subarray(at)]);
        }
        break;
      case 7:
        changed = Buffer.from(changed.subarray(0, at));
        break;
      default:
        changed = Buffer.concat([changed, random.bytes(random.below(40))]);
    }
  }
  return changed;
}

/** Changes a handshake message; most often its header then states the length that it has. */
export function mutateMessage(message: Buffer, random: Random): Buffer {
  if (random.below(8) === 0) return mutate(message, random);
  const body = mutate(message.subarray(4), random);
  const header = Buffer.from(message.subarray(0, 4));
  header.writeUIntBE(body.length, 1, 3);
  if (random.below(16) === 0) header[0] = random.below(32);
  return Buffer.concat([header, body]);
}
