import { readFileSync } from "node:fs";
import { wasmPath } from "../../common/paths.js";
import { type BenchCall, type BenchCount, countInstructions } from "../../mcu/bench-harness.js";
import type { EmulatedBoard } from "../../mcu/toolchain.js";

/** Path of the module whose exports are the primitives. */
export const cryptoWasm: string = wasmPath("testing/crypto");

/**
 * A sequence of calls of the crypto module, made in V8 as it is written down, to be made again, the same
 * in every argument, on an emulated microcontroller. Addresses are those that the allocator gave in V8:
 * it gives the same there.
 */
export class Recording {
  readonly calls: BenchCall[] = [];
  readonly #results: bigint[] = [];
  readonly #exports: WebAssembly.Exports;
  readonly #wasm: string;

  /** @param wasm path of another build of the module */
  constructor(wasm = cryptoWasm) {
    this.#wasm = wasm;
    const module = new WebAssembly.Module(readFileSync(this.#wasm));
    const platform = {
      random: () => {
        throw new Error("the emulator draws other random bytes: record nothing that draws any");
      },
    };
    this.#exports = new WebAssembly.Instance(module, { platform }).exports;
    // The emulator's harness does this by itself.
    (this.#exports._initialize as () => void)();
  }

  /** Makes a call and writes it down. */
  call(name: string, ...args: (number | bigint)[]): number {
    const result = (this.#exports[name] as (...args: unknown[]) => unknown)(...args);
    this.calls.push({ name, arguments: args });
    const bits = typeof result === "bigint" ? result : BigInt((result as number) ?? 0);
    this.#results.push(BigInt.asUintN(typeof result === "bigint" ? 64 : 32, bits));
    return Number(bits);
  }

  /** Memory for `length` bytes; up to eight bytes more may be written. */
  allocate(length: number): number {
    return this.call("allocate", length + 8);
  }

  /** Stores bytes at an address, and zeros up to a multiple of eight bytes. */
  write(address: number, bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += 8) {
      const word = new Uint8Array(8);
      word.set(bytes.subarray(at, at + 8));
      this.call("poke", address + at, new DataView(word.buffer).getBigUint64(0, true));
    }
  }

  /** The address of a copy of the bytes. */
  put(bytes: Uint8Array): number {
    const address = this.allocate(bytes.length);
    this.write(address, bytes);
    return address;
  }

  /** Has the result at an address compared as well: with what V8 computed there. */
  check(address: number, length: number): void {
    for (let at = 0; at < length; at += 8) this.call("peek", address + at);
  }

  /**
   * Makes the calls on an emulated board.
   *
   * @param small compiled for size, as in the MCU client; "smallest": as the token module is
   * @throws Error when any call has another result than in V8
   */
  async count(
    host: "c" | "wasm3" | "thumb2",
    board?: EmulatedBoard,
    small: boolean | "smallest" = false,
  ): Promise<BenchCount[]> {
    const counts = await countInstructions({
      wasm: this.#wasm,
      host,
      calls: this.calls,
      ...(board && { board }),
      small,
    });
    for (const [i, { result }] of counts.entries()) {
      const call = this.calls[i];
      if (result !== this.#results[i])
        throw new Error(
          `call ${i}, ${call?.name}(${call?.arguments?.join(", ")}), gave ${result} (${host}), in V8 ${this.#results[i]}`,
        );
    }
    return counts;
  }
}
