/** The MCU client's reader of HTTP answers, for tests: bytes in, the body out. */
import { HTTP_BAD, HTTP_BODY, HttpAnswer } from "../mcu-client/http-answer";

const CAPACITY: i32 = 131072;
const input = new StaticArray<u8>(CAPACITY);
const body = new StaticArray<u8>(CAPACITY);
const answer = new HttpAnswer();
let bodyLength: i32 = 0;

export function inputPointer(): usize {
  return changetype<usize>(input);
}

export function bodyPointer(): usize {
  return changetype<usize>(body);
}

/** Reads one answer from its beginning: how many bytes it took, or -1 minus the offset of one that may not come. */
export function read(length: i32): i32 {
  answer.begin();
  bodyLength = 0;
  for (let i = 0; i < length; i++) {
    const byte = input[i];
    const what = answer.take(byte as u32);
    if (what === HTTP_BAD) return -1 - i;
    if (what === HTTP_BODY) body[bodyLength++] = byte;
    if (answer.done) return i + 1;
  }
  return length;
}

export function bodyBytes(): i32 {
  return bodyLength;
}

export function isDone(): bool {
  return answer.done;
}

export function connectionEnded(): bool {
  return answer.ended();
}

export function status(): u32 {
  return answer.status;
}

export function closes(): bool {
  return answer.closes;
}
