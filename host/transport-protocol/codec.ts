import { Decoder, Encoder } from "@msgpack/msgpack";
import { TransportError } from "./errors.js";
import { FRAME_HEADER_BYTES, frame } from "./frames.js";
import {
  type Field,
  type FieldName,
  fields,
  type Group,
  groups,
  type Message,
  type MessageIn,
  type MessageName,
  messages,
} from "./messages.js";

const limits: { text: number; bytes: number; fields: number } = {
  text: Math.max(...Object.values(fields).map((f) => (f.kind === "text" ? f.max : 0))),
  bytes: Math.max(...Object.values(fields).map((f) => (f.kind === "bytes" ? f.max : 0))),
  fields: 1 + Math.max(...Object.values(messages).map((m) => m.fields.length)),
};

const decoder = new Decoder({
  maxStrLength: limits.text,
  maxBinLength: limits.bytes,
  maxArrayLength: limits.fields,
  maxMapLength: 0,
  maxExtLength: 0,
  keyDecoder: null,
});

/** Beside its longest field, what a message can take: its other fields, and the heads of all. */
const OTHER_FIELDS_BYTES = 16_384;

/** With room for any message from the start: a buffer that doubles leaves several times the message as garbage. */
const encoder = new Encoder({ initialBufferSize: limits.bytes + OTHER_FIELDS_BYTES });

interface Shape {
  readonly name: MessageName;
  readonly fields: readonly FieldName[];
}

const shapes: Record<Group, Map<number, Shape>> = Object.fromEntries(
  Object.entries(groups).map(([group, { messages: inGroup }]) => [
    group,
    new Map(
      Object.entries(inGroup).map(([name, definition]) => [
        definition.number,
        { name: name as MessageName, fields: definition.fields },
      ]),
    ),
  ]),
) as Record<Group, Map<number, Shape>>;

/** Throws unless `value` is within the bounds of the field. */
function check(message: MessageName, name: FieldName, value: unknown): void {
  const field: Field = fields[name];
  const problem = problemOf(field, value);
  if (problem !== undefined) throw new TransportError(`${message}.${name}: ${problem}`);
}

function problemOf(field: Field, value: unknown): string | undefined {
  if (field.kind === "text") {
    if (typeof value !== "string") return "not text";
    if (/\p{Surrogate}/u.test(value)) return "not valid UTF-8";
    return outside(field, Buffer.byteLength(value), " bytes");
  }
  if (field.kind === "bytes") {
    return value instanceof Uint8Array ? outside(field, value.length, " bytes") : "not bytes";
  }
  return Number.isInteger(value) ? outside(field, value as number, "") : "not an integer";
}

function outside({ min, max }: Field, size: number, unit: string): string | undefined {
  return size < min || size > max ? `${size}${unit} is outside ${min} … ${max}` : undefined;
}

/** The fields of a message in the order of the wire. */
function fieldsOf(name: MessageName): readonly FieldName[] {
  return messages[name].fields;
}

/**
 * The encoding of a message.
 *
 * @throws TransportError when a field is missing, of a wrong type or outside its bounds
 */
export function encodeMessage(message: Message): Uint8Array {
  return encoder.encode(checkedFields(message));
}

/**
 * A message as a frame, its length before it, in one or two parts: a long field of bytes at the message's
 * end is not copied, and must stay as it is until the frame is sent.
 *
 * @throws TransportError as `encodeMessage` does
 */
export function encodeFrame(message: Message): Uint8Array[] {
  const array = checkedFields(message);
  const last = array.at(-1);
  if (!(last instanceof Uint8Array) || last.length <= 0xff) {
    return [frame(encoder.encodeSharedRef(array))];
  }
  array[array.length - 1] = EMPTY_BYTES;
  const rest = encoder.encodeSharedRef(array);
  const long = last.length > 0xffff;
  const at = FRAME_HEADER_BYTES + rest.length - EMPTY_BYTES_HEAD;
  const head = Buffer.allocUnsafe(at + (long ? 5 : 3));
  head.set(rest.subarray(0, rest.length - EMPTY_BYTES_HEAD), FRAME_HEADER_BYTES);
  head.writeUInt8(long ? 0xc6 : 0xc5, at);
  if (long) head.writeUInt32BE(last.length, at + 1);
  else head.writeUInt16BE(last.length, at + 1);
  head.writeUInt32BE(head.length - FRAME_HEADER_BYTES + last.length);
  return [head, last];
}

/** What takes the place of a field of bytes that is sent from where it is, and how long it is encoded. */
const EMPTY_BYTES = new Uint8Array(0);
const EMPTY_BYTES_HEAD = 2;

/** The number and the fields of a message in the order of the wire. */
function checkedFields(message: Message): unknown[] {
  const values = message as unknown as Record<string, unknown>;
  const array: unknown[] = [messages[message.type].number];
  for (const name of fieldsOf(message.type)) {
    check(message.type, name, values[name]);
    array.push(values[name]);
  }
  return array;
}

/**
 * The message that `data` holds. Strict: one array, no more and no fewer fields than the message has,
 * each within its bounds, in the one encoding that `encodeMessage` makes, and nothing after it.
 * Byte fields are views into `data`.
 *
 * @param group which messages are allowed here
 * @throws TransportError with what was wrong
 */
export function decodeMessage<G extends Group>(group: G, data: Uint8Array): MessageIn<G> {
  let array: unknown;
  try {
    array = decoder.decode(data);
  } catch (error) {
    throw new TransportError(`not a message: ${(error as Error).message}`);
  }
  if (!Array.isArray(array)) throw new TransportError("not a message: not an array");
  const number: unknown = array[0];
  const shape = shapes[group].get(number as number);
  if (shape === undefined) {
    const shown = typeof number === "number" ? String(number) : typeof number;
    throw new TransportError(`unknown message type ${shown} (${groups[group].doc})`);
  }
  if (array.length !== shape.fields.length + 1) {
    throw new TransportError(
      `${shape.name}: ${array.length - 1} fields instead of ${shape.fields.length}`,
    );
  }
  const message: Record<string, unknown> = { type: shape.name };
  shape.fields.forEach((name, index) => {
    check(shape.name, name, array[index + 1]);
    message[name] = array[index + 1];
  });
  // What decodes to the same values but was written otherwise: padded integers and lengths, floats,
  // overlong UTF-8.
  if (Buffer.compare(encoder.encodeSharedRef(array), data) !== 0) {
    throw new TransportError(`${shape.name}: not in its shortest encoding`);
  }
  return message as MessageIn<G>;
}

/** A message as base64 text, for HTTP bodies. */
export function encodeBase64Message(message: Message): string {
  return Buffer.from(encodeMessage(message)).toString("base64");
}

/**
 * The message in base64 text of an HTTP body, surrounding white space apart.
 *
 * @throws TransportError when it is not strict base64, or not such a message
 */
export function decodeBase64Message<G extends Group>(group: G, text: string): MessageIn<G> {
  return decodeMessage(group, decodeBase64(text.trim()));
}

/**
 * The bytes of base64 text (RFC 4648 §4, padding demanded, no white space, no stray bits).
 *
 * @throws TransportError when the text is anything else
 */
export function decodeBase64(text: string): Uint8Array {
  const data = Buffer.from(text, "base64");
  // Buffer.from skips characters it does not know: the text was base64 only if encoding gives it back.
  if (data.toString("base64") !== text) throw new TransportError("not base64");
  return data;
}
