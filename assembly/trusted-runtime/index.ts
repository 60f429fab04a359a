/**
 * The trusted runtime: the entry point of `runtime.wasm`. Its home
 *
 * 1. calls `_initialize` once;
 * 2. for each frame of the Veracruz server (without its length): `frameBuffer(length)`, stores the bytes
 *    there, `handleFrame(length)`, then `nextFrame` until it answers 0, sending each time that many
 *    bytes from `framePointer`; 0xffffffff says that there is more work, which takes another call;
 * 3. calls `tick` about once a second, and `nextFrame` as above;
 * 4. serves the platform interface, and hands H-calls of programs to `hcall`.
 *
 * A trap inside is fatal: the home wipes the memory and starts again.
 */
import { allocateAtEnd, canAllocate } from "../platform-services/heap";
import { homeProfile } from "../runtime-manager/home-profile";
import { RuntimeManager } from "../runtime-manager/runtime-manager";
import { MAX_ISOLATE_FRAME_BYTES } from "../transport-protocol/messages";

export { hcall } from "../execution-engine/engine";

const manager: RuntimeManager = new RuntimeManager();
/** The frame under way; 0 when there is none. */
let buffer: usize = 0;
let bufferLength: u32 = 0;

function releaseBuffer(): void {
  if (buffer === 0) return;
  memory.fill(buffer, 0, bufferLength as usize);
  heap.free(buffer);
  buffer = 0;
}

/**
 * Makes room for a frame of `length` bytes; returns where to store it, or 0 when it is too long or there
 * is no memory: the frame is then to be dropped, and `nextFrame` has the answer.
 */
export function frameBuffer(length: u32): usize {
  releaseBuffer();
  manager.collect();
  if (length === 0 || length > MAX_ISOLATE_FRAME_BYTES || !canAllocate(length)) {
    manager.refuseFrame();
    return 0;
  }
  // What a policy leaves on the heap stays when its frame is freed.
  const atEnd = !manager.hasPolicy && !homeProfile.memoryGrows;
  buffer = atEnd ? allocateAtEnd(length) : heap.alloc(length);
  bufferLength = length;
  return buffer;
}

/** Handles the frame that was stored. */
export function handleFrame(length: u32): void {
  if (buffer !== 0 && length <= bufferLength) manager.handle(buffer, length);
}

/** Makes the next frame for the server; returns its length in bytes, or 0 when there is none. */
export function nextFrame(): u32 {
  manager.advance();
  const length = manager.nextFrame();
  if (length === 0) releaseBuffer();
  return length;
}

/** Where the frame lies, until the next call of `nextFrame`. */
export function framePointer(): usize {
  return manager.framePointer;
}

/** Tells that `elapsed` milliseconds have passed since the last call. */
export function tick(elapsed: u32): void {
  manager.collect();
  manager.tick(elapsed);
}

/**
 * Whether the runtime was reset: when every frame has been taken, its home is to start it anew from what was
 * measured.
 */
export function wantsRestart(): bool {
  return manager.wantsRestart;
}
