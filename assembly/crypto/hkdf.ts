/** HKDF with SHA-256, RFC 5869, and the labelled form of TLS 1.3, RFC 8446 §7.1. */
import { wipe } from "./constant-time";
import { HMAC_STATE_SIZE, hmacFinish, hmacInit, hmacSha256, hmacUpdate } from "./hmac";

/** HKDF-Extract: the pseudorandom key, 32 bytes at `prk`. An absent salt is one of length 0. */
export function hkdfExtract(
  salt: usize,
  saltLength: usize,
  ikm: usize,
  ikmLength: usize,
  prk: usize,
): void {
  hmacSha256(salt, saltLength, ikm, ikmLength, prk);
}

/**
 * HKDF-Expand: `outputLength` bytes at `output` from the 32 bytes at `prk`.
 *
 * `outputLength` is at most 8160 (255 blocks); more stores nothing, which no caller of a fixed length
 * ever meets. `output` must not overlap `info`, nor `prk` unless it is of one block.
 */
export function hkdfExpand(
  prk: usize,
  info: usize,
  infoLength: usize,
  output: usize,
  outputLength: usize,
): void {
  if (outputLength > 8160) return;
  const state = heap.alloc(HMAC_STATE_SIZE + 40);
  const block = state + HMAC_STATE_SIZE;
  const counter = block + 32;
  for (let n: u32 = 1, done: usize = 0; done < outputLength; n++) {
    hmacInit(state, prk, 32);
    if (n > 1) hmacUpdate(state, block, 32);
    hmacUpdate(state, info, infoLength);
    store<u8>(counter, <u8>n);
    hmacUpdate(state, counter, 1);
    hmacFinish(state, block);
    const left = outputLength - done;
    const taken = min<usize>(left, 32);
    memory.copy(output + done, block, taken);
    done += taken;
  }
  wipe(state, HMAC_STATE_SIZE + 40);
  heap.free(state);
}

/** Bytes of the HkdfLabel of RFC 8446 §7.1 for a label and a context of these lengths. */
function labelSize(labelLength: usize, contextLength: usize): usize {
  return 10 + labelLength + contextLength;
}

/** Writes it at `info`. */
function writeLabel(
  info: usize,
  label: usize,
  labelLength: usize,
  context: usize,
  contextLength: usize,
  outputLength: usize,
): void {
  store<u16>(info, bswap<u16>(<u16>outputLength));
  store<u8>(info, <u8>(labelLength + 6), 2);
  store<u32>(info, 0x31736c74, 3); // "tls1"
  store<u16>(info, 0x2033, 7); // "3 "
  memory.copy(info + 9, label, labelLength);
  store<u8>(info + 9 + labelLength, <u8>contextLength);
  memory.copy(info + 10 + labelLength, context, contextLength);
}

/**
 * HKDF-Expand-Label: `outputLength` bytes at `output` (at most 8160) from the 32 bytes at `secret`.
 *
 * `label` is ASCII without the prefix "tls13 ", 1 to 249 bytes; `context` at most 255 bytes. Lengths
 * outside that store nothing.
 */
export function hkdfExpandLabel(
  secret: usize,
  label: usize,
  labelLength: usize,
  context: usize,
  contextLength: usize,
  output: usize,
  outputLength: usize,
): void {
  if (labelLength > 249 || contextLength > 255) return;
  const size = labelSize(labelLength, contextLength);
  const info = heap.alloc(size);
  writeLabel(info, label, labelLength, context, contextLength, outputLength);
  hkdfExpand(secret, info, size, output, outputLength);
  wipe(info, size);
  heap.free(info);
}

/**
 * A secret of which several labels are expanded: its two paddings are hashed once, which is half of the work for a
 * label. Wipe it when they are.
 */
export class LabelledSecret {
  private readonly keyed: StaticArray<u64> = new StaticArray<u64>(<i32>(HMAC_STATE_SIZE / 8));

  /** @param secret 32 bytes, which are not referred to later */
  constructor(secret: usize) {
    hmacInit(changetype<usize>(this.keyed), secret, 32);
  }

  /** As `hkdfExpandLabel`, and `outputLength` is at most 32. */
  expand(
    label: usize,
    labelLength: usize,
    context: usize,
    contextLength: usize,
    output: usize,
    outputLength: usize,
  ): void {
    if (labelLength > 249 || contextLength > 255 || outputLength > 32) return;
    const size = labelSize(labelLength, contextLength);
    const state = heap.alloc(HMAC_STATE_SIZE + 32 + size + 1);
    const block = state + HMAC_STATE_SIZE;
    const info = block + 32;
    memory.copy(state, changetype<usize>(this.keyed), HMAC_STATE_SIZE);
    writeLabel(info, label, labelLength, context, contextLength, outputLength);
    store<u8>(info + size, 1); // the number of the first block
    hmacUpdate(state, info, size + 1);
    hmacFinish(state, block);
    memory.copy(output, block, outputLength);
    wipe(state, HMAC_STATE_SIZE + 32 + size + 1);
    heap.free(state);
  }

  /** Overwrites it. */
  wipe(): void {
    wipe(changetype<usize>(this.keyed), HMAC_STATE_SIZE);
  }
}
