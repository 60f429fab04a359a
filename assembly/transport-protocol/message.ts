import { isUtf8 } from "../encoding/utf8";
import { FIELD_COUNT, KIND_BYTES, KIND_INT, KIND_TEXT, KIND_UINT } from "./messages";
import {
  MSGPACK_E_BOUNDS,
  MSGPACK_E_CAPACITY,
  MSGPACK_E_FIELDS,
  MSGPACK_E_TRAILING,
  MSGPACK_E_UNKNOWN,
  MSGPACK_E_UTF8,
  MsgPackReader,
  MsgPackWriter,
} from "./msgpack";
import { fieldHigh, fieldKind, fieldLow, messageRow } from "./table";

/**
 * One message: its type and the values of its fields. Text and byte strings are references into memory
 * that the caller owns (after reading: into the bytes that were read).
 *
 * An object may be used again for any number of messages, without allocating; `begin` and `readMessage` forget all values.
 */
export class Message {
  /** `MESSAGE_…`; 0 when there is none. */
  type: u32 = 0;
  /** By field: the value of an integer, or where a string lies. */
  private values: StaticArray<u32> = new StaticArray<u32>(FIELD_COUNT as i32);
  /** By field: the length of a string in bytes. */
  private lengths: StaticArray<u32> = new StaticArray<u32>(FIELD_COUNT as i32);
  /** Kept here, so that reading and writing a message allocate nothing. */
  readonly reader: MsgPackReader = new MsgPackReader();
  readonly writer: MsgPackWriter = new MsgPackWriter();

  /** Starts a message of this type; every field is 0 or empty. */
  begin(type: u32): void {
    this.type = type;
    memory.fill(changetype<usize>(this.values), 0, FIELD_COUNT << 2);
    memory.fill(changetype<usize>(this.lengths), 0, FIELD_COUNT << 2);
  }

  /** Value of an unsigned integer field. */
  uint(field: u32): u32 {
    return this.values[field as i32];
  }

  /** Value of a signed integer field. */
  int(field: u32): i32 {
    return this.values[field as i32] as i32;
  }

  /** Where the bytes of a text or byte string field lie. */
  pointer(field: u32): usize {
    return this.values[field as i32] as usize;
  }

  /** Length in bytes of a text or byte string field. */
  length(field: u32): u32 {
    return this.lengths[field as i32];
  }

  /** Sets an integer field. */
  setUint(field: u32, value: u32): void {
    this.values[field as i32] = value;
  }

  /** Sets a signed integer field. */
  setInt(field: u32, value: i32): void {
    this.values[field as i32] = value as u32;
  }

  /** Sets a text or byte string field; the bytes must stay in place until the message is written. */
  setBytes(field: u32, pointer: usize, length: u32): void {
    this.values[field as i32] = pointer as u32;
    this.lengths[field as i32] = length;
  }
}

/**
 * Reads the message in `length` bytes at `pointer` into `message`. Strict: one array with the fields of
 * the message, each within its bounds, each in its shortest encoding, and nothing after it.
 *
 * @param group which messages are allowed here, `GROUP_…`
 * @returns 0, or why it is not one (`MSGPACK_E_…`); `message.type` is then its type, where that much could
 *   be read, or 0
 */
export function readMessage(pointer: usize, length: u32, group: u32, message: Message): i32 {
  message.begin(0);
  const reader = message.reader;
  reader.begin(pointer, length);
  const count = reader.array();
  const type = reader.integer(0, 0x7f) as u32;
  if (reader.error !== 0) return reader.error;
  const row = (type & 0xf0) === group ? messageRow(type) : 0;
  if (row === 0) return MSGPACK_E_UNKNOWN;
  message.type = type;
  const fields = load<u8>(row) as u32;
  if (count !== fields + 1) return MSGPACK_E_FIELDS;
  for (let i: u32 = 0; i < fields; i++) {
    const field = load<u8>(row + (i as usize), 1) as u32;
    const low = fieldLow(field);
    const high = fieldHigh(field);
    switch (fieldKind(field)) {
      case KIND_UINT:
        message.setUint(field, reader.integer(low as i64, high as i64) as u32);
        break;
      case KIND_INT:
        message.setInt(field, reader.integer(i32.MIN_VALUE as i64, i32.MAX_VALUE as i64) as i32);
        break;
      case KIND_TEXT:
        reader.text(low, high);
        message.setBytes(field, reader.pointer, reader.length);
        break;
      default:
        reader.bytes(low, high);
        message.setBytes(field, reader.pointer, reader.length);
    }
    if (reader.error !== 0) return reader.error;
  }
  return reader.atEnd ? 0 : MSGPACK_E_TRAILING;
}

/**
 * Writes `message` to `destination`, of `capacity` bytes.
 *
 * @returns its length in bytes, or why it cannot be written: `MSGPACK_E_UNKNOWN`, `MSGPACK_E_BOUNDS`,
 *   `MSGPACK_E_UTF8`, `MSGPACK_E_CAPACITY`
 */
export function writeMessage(message: Message, destination: usize, capacity: u32): i32 {
  const row = messageRow(message.type);
  if (row === 0) return MSGPACK_E_UNKNOWN;
  const fields = load<u8>(row) as u32;
  const writer = message.writer;
  writer.begin(destination, capacity);
  writer.array(fields + 1);
  writer.integer(message.type as i64);
  for (let i: u32 = 0; i < fields; i++) {
    const field = load<u8>(row + (i as usize), 1) as u32;
    const kind = fieldKind(field);
    if (kind === KIND_INT) {
      writer.integer(message.int(field) as i64);
      continue;
    }
    const size = kind === KIND_UINT ? message.uint(field) : message.length(field);
    if (size < fieldLow(field) || size > fieldHigh(field)) return MSGPACK_E_BOUNDS;
    if (kind === KIND_UINT) {
      writer.integer(size as i64);
    } else if (kind === KIND_BYTES) {
      writer.bytes(message.pointer(field), size);
    } else {
      if (!isUtf8(message.pointer(field), size)) return MSGPACK_E_UTF8;
      writer.text(message.pointer(field), size);
    }
  }
  return writer.overflow ? MSGPACK_E_CAPACITY : (writer.length as i32);
}

/** Room in bytes that any message takes whose text and byte strings have `length` bytes together. */
export function messageCapacity(length: u32): u32 {
  // Head and type, then at most five bytes of header or integer for each of at most fourteen fields.
  return length + 2 + 14 * 5;
}
