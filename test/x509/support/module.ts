import { readFileSync } from "node:fs";
import { wasmPath } from "../../../host/common/paths.js";
import { instantiate, type WasmInstance } from "../../../host/session-manager/engine.js";

/** The parsers of `assembly/testing/x509.ts`, called with bytes instead of pointers. */
export class X509Module {
  readonly instance: WasmInstance = instantiate(readFileSync(wasmPath("testing/x509")));

  /** Calls a function with bytes placed in memory of exactly their length. */
  call(name: string, bytes: Uint8Array, ...more: number[]): number {
    const at = this.place(bytes);
    try {
      return this.instance.call(name, at, bytes.length, ...more);
    } finally {
      this.instance.call("release", at);
    }
  }

  /** A copy of bytes in the module's memory, which stays. */
  place(bytes: Uint8Array): number {
    const at = this.instance.call("allocate", Math.max(bytes.length, 1));
    this.instance.memory().set(bytes, at);
    return at;
  }

  get(name: string, ...args: number[]): number {
    return this.instance.call(name, ...args);
  }

  bytes(pointer: number, length: number): Buffer {
    return Buffer.from(this.instance.memory().subarray(pointer, pointer + length));
  }
}
