import { ALERT_DECODE_ERROR, ALERT_ILLEGAL_PARAMETER, NO_ALERT } from "../alerts";
import { MAX_EXTENSIONS } from "../protocol";
import { WireReader } from "../wire-reader";

/**
 * Checks the block of extensions that the reader stands before, without moving it: every extension lies
 * within the block, and none comes twice (RFC 8446 §4.2). Returns `NO_ALERT` or the alert to send.
 */
export function checkExtensionBlock(message: WireReader): i32 {
  const start = message.position;
  const end = message.end;
  message.enter(message.u16(), 0);
  const first = message.position;
  let count: u32 = 0;
  let alert: i32 = NO_ALERT;
  while (!message.atEnd && alert === NO_ALERT) {
    const at = message.position;
    const type = message.u16();
    message.bytes(message.u16());
    if (message.failed) break;
    if (++count > MAX_EXTENSIONS || hasExtension(first, at, type)) alert = ALERT_ILLEGAL_PARAMETER;
  }
  if (message.failed) return ALERT_DECODE_ERROR;
  message.position = start;
  message.end = end;
  return alert;
}

/** Whether an extension of this type is among the well-formed ones in `[first, end)`. */
function hasExtension(first: usize, end: usize, type: u32): bool {
  for (let at = first; at < end; at += 4 + bswap<u16>(load<u16>(at, 2))) {
    if (bswap<u16>(load<u16>(at)) === type) return true;
  }
  return false;
}
