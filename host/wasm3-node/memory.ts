import { addon, type NativeRuntime } from "./native.js";

/** The addon's handle behind a memory; for this room only. */
export const nativeOf = new WeakMap<Memory, NativeRuntime>();

/** In place of `transfer`, which would move the memory into a buffer that nobody detaches. */
const moved = {
  value: (): never => {
    throw new TypeError("a view of a runtime's memory cannot be transferred: copy it with slice()");
  },
};

/** A view's buffer keeps its runtime from being collected, and the memory under it with it. */
const owners = new WeakMap<ArrayBuffer, Memory>();

/**
 * A runtime's linear memory. Addresses and lengths are whole numbers of bytes; every range is checked, and one that
 * reaches outside is a RangeError.
 */
export class Memory {
  readonly #native: NativeRuntime;
  /** What must live as long as this object. */
  readonly owner: object;

  constructor(native: NativeRuntime, owner: object) {
    this.#native = native;
    this.owner = owner;
    nativeOf.set(this, native);
  }

  get byteLength(): number {
    return addon.memoryLength(this.#native);
  }

  /** Whether `[address, address + length)` lies in the memory. */
  check(address: number, length: number): boolean {
    return addon.memoryCheck(this.#native, address, length);
  }

  /** A copy of `length` bytes. */
  read(address: number, length: number): Uint8Array<ArrayBuffer> {
    // before the allocation, which a wild length must not reach
    if (!this.check(address, length))
      throw new RangeError(
        `the range of ${length} bytes at address ${address} lies outside the memory of ${this.byteLength} bytes`,
      );
    const copy = new Uint8Array(length);
    addon.memoryRead(this.#native, address, copy);
    return copy;
  }

  /** Copies `target.length` bytes from `address` into `target`. */
  readInto(address: number, target: Uint8Array): void {
    addon.memoryRead(this.#native, address, target);
  }

  write(address: number, bytes: Uint8Array): void {
    addon.memoryWrite(this.#native, address, bytes);
  }

  /** Sets `length` bytes to `byte` (0 to 255). */
  fill(address: number, length: number, byte = 0): void {
    addon.memoryFill(this.#native, address, length, byte);
  }

  /**
   * The memory itself, not a copy. Its buffer is detached, as a WebAssembly.Memory's is, when the memory grows or its
   * runtime is freed: the view is then empty, and ask for a new one. It never points at memory that is gone.
   */
  view(): Uint8Array<ArrayBuffer> {
    const buffer = addon.memoryBuffer(this.#native);
    if (!owners.has(buffer)) {
      owners.set(buffer, this);
      Object.defineProperties(buffer, { transfer: moved, transferToFixedLength: moved });
    }
    return new Uint8Array(buffer);
  }
}

/**
 * Copies between the memories of two runtimes (or within one) without a detour through JavaScript. Wasm that is running
 * there, and so waits for the copy, is charged fuel as for its own `memory.copy`: one unit for each whole 256 bytes.
 *
 * @returns false, and nothing is copied, when one of the ranges lies outside its memory
 * @throws Trap (`out-of-fuel`, `deadline`, `cancelled`), and nothing is copied, when that is the end of such a call
 */
export function copyMemory(
  from: Memory,
  fromAddress: number,
  to: Memory,
  toAddress: number,
  length: number,
): boolean {
  const source = nativeOf.get(from);
  const target = nativeOf.get(to);
  if (!source || !target) throw new TypeError("copyMemory copies between memories of runtimes");
  return addon.memoryCopy(source, fromAddress, target, toAddress, length);
}
