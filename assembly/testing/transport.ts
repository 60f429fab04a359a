/** The transport protocol for its tests: what the isolate's codec makes of given bytes. */
import { FrameReader } from "../transport-protocol/frames";
import { Message, messageCapacity, readMessage, writeMessage } from "../transport-protocol/message";
import { fieldHigh, fieldKind, fieldLow, messageRow } from "../transport-protocol/table";

export * from "../transport-protocol/messages";
export {
  MSGPACK_E_BOUNDS,
  MSGPACK_E_CAPACITY,
  MSGPACK_E_FIELDS,
  MSGPACK_E_NOT_SHORTEST,
  MSGPACK_E_TRAILING,
  MSGPACK_E_TRUNCATED,
  MSGPACK_E_TYPE,
  MSGPACK_E_UNKNOWN,
  MSGPACK_E_UTF8,
} from "../transport-protocol/msgpack";

let message: Message = new Message();
let frames: FrameReader = new FrameReader(0);

/** Room for `length` bytes, to be given back with `free`. */
export function allocate(length: u32): usize {
  return heap.alloc(length as usize);
}

export function free(pointer: usize): void {
  heap.free(pointer);
}

/** Reads a message; see `readMessage`. */
export function read(pointer: usize, length: u32, group: u32): i32 {
  return readMessage(pointer, length, group, message);
}

export function messageType(): u32 {
  return message.type;
}

export function uintOf(field: u32): u32 {
  return message.uint(field);
}

export function intOf(field: u32): i32 {
  return message.int(field);
}

export function pointerOf(field: u32): usize {
  return message.pointer(field);
}

export function lengthOf(field: u32): u32 {
  return message.length(field);
}

export function begin(type: u32): void {
  message.begin(type);
}

export function setUint(field: u32, value: u32): void {
  message.setUint(field, value);
}

export function setBytes(field: u32, pointer: usize, length: u32): void {
  message.setBytes(field, pointer, length);
}

/** Writes the message that was read or built; see `writeMessage`. */
export function write(destination: usize, capacity: u32): i32 {
  return writeMessage(message, destination, capacity);
}

export function capacityFor(length: u32): u32 {
  return messageCapacity(length);
}

/** Starts to cut a new stream into frames. */
export function framesBegin(limit: u32): void {
  frames.release();
  frames = new FrameReader(limit);
}

export function framesPush(pointer: usize, length: u32): void {
  frames.push(pointer, length);
}

export function framesNext(): i32 {
  return frames.next();
}

export function framePointer(): usize {
  return frames.pointer;
}

export function frameLength(): u32 {
  return frames.length;
}

export function framesAtBoundary(): bool {
  return frames.atBoundary;
}

export function rowOf(type: u32): usize {
  return messageRow(type);
}

export function kindOf(field: u32): u32 {
  return fieldKind(field);
}

export function lowOf(field: u32): u32 {
  return fieldLow(field);
}

export function highOf(field: u32): u32 {
  return fieldHigh(field);
}
