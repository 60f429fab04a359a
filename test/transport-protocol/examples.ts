// Messages made for tests: one plain example of each, and random ones within the bounds of the table.
import {
  type Field,
  type FieldName,
  fields,
  type Group,
  groups,
  type Message,
  type MessageName,
  messages,
} from "../../host/transport-protocol/index.js";

/** The group of a message. */
export function groupOf(name: MessageName): Group {
  const found = (Object.keys(groups) as Group[]).find((group) => name in groups[group].messages);
  if (found === undefined) throw new Error(`${name} is in no group`);
  return found;
}

function build(name: MessageName, value: (field: FieldName) => unknown): Message {
  const message: Record<string, unknown> = { type: name };
  for (const field of messages[name].fields) message[field] = value(field);
  return message as unknown as Message;
}

/** One example of each message, the same each time. */
export function example(name: MessageName): Message {
  return build(name, (fieldName) => {
    const field: Field = fields[fieldName];
    const size = Math.max(field.min, Math.min(field.max, fieldName.length * 7));
    switch (field.kind) {
      case "int":
        return -7;
      case "uint":
        return size;
      case "text":
        return fieldName.slice(0, field.max);
      case "bytes":
        return Uint8Array.from({ length: size }, (_, index) => (index * 37 + size) & 0xff);
    }
  });
}

const letters = ["a", "-", "0", "é", "→", "𝄞", "\0", '"'];

/** A random message within the bounds; lengths and integers lie often at the edges of an encoding. */
export function randomMessage(name: MessageName, random: () => number): Message {
  const whole = (low: number, high: number) => low + Math.floor(random() * (high - low + 1));
  const edges = [0, 1, 31, 32, 127, 128, 255, 256, 65535, 65536, 2 ** 31 - 1, 2 ** 32 - 1];
  const pick = (low: number, high: number): number => {
    const choices = [low, high, ...edges.filter((edge) => edge >= low && edge <= high)];
    return random() < 0.5 ? (choices[whole(0, choices.length - 1)] as number) : whole(low, high);
  };
  return build(name, (fieldName) => {
    const field: Field = fields[fieldName];
    switch (field.kind) {
      case "int": {
        const size = 2 ** whole(0, 31);
        return Math.max(field.min, Math.min(field.max, whole(-size, size)));
      }
      case "uint":
        return pick(field.min, field.max);
      case "text": {
        const size = pick(field.min, field.max);
        let text = "";
        for (;;) {
          const next = text + letters[whole(0, letters.length - 1)];
          if (Buffer.byteLength(next) > size) break;
          text = next;
        }
        return text.padEnd(text.length + size - Buffer.byteLength(text), "z");
      }
      case "bytes": {
        const size = pick(field.min, Math.min(field.max, 70_000));
        const filler = whole(0, 255);
        return new Uint8Array(size).fill(filler);
      }
    }
  });
}
