// The isolate's policy (assembly/testing/policy.ts), instantiated for tests.
import { readFileSync } from "node:fs";
import { wasmPath } from "../../host/common/paths.js";

type Exports = Record<string, (...args: number[]) => number> & { memory: WebAssembly.Memory };

export class IsolatePolicy {
  private readonly exports: Exports;
  /** What the home allows the module; may be set to make memory scarce. */
  memoryLimit = 64 * 1024 * 1024;

  constructor() {
    const module = new WebAssembly.Module(readFileSync(wasmPath("testing/policy")));
    const instance = new WebAssembly.Instance(module, {
      platform: { memoryLimit: () => this.memoryLimit },
    });
    this.exports = instance.exports as unknown as Exports;
  }

  get pages(): number {
    return this.exports.memory.buffer.byteLength / 65536;
  }

  constants(prefix: string): Map<string, number> {
    return new Map(
      Object.entries(this.exports as unknown as Record<string, { value?: number | bigint }>)
        .filter(([name]) => name.startsWith(prefix))
        .map(([name, global]) => [name, Number(global.value)]),
    );
  }

  call(name: string, ...args: number[]): number {
    const exported = this.exports[name];
    if (exported === undefined) throw new Error(`no export ${name}`);
    return exported(...args);
  }

  bytes(pointer: number, length: number): Buffer {
    return Buffer.from(new Uint8Array(this.exports.memory.buffer, pointer, length));
  }

  private store(pointer: number, bytes: Uint8Array): void {
    new Uint8Array(this.exports.memory.buffer, pointer, bytes.length).set(bytes);
  }

  /** Parses a policy; its error code. */
  parse(text: Uint8Array): number {
    const pointer = this.call("allocate", text.length);
    if (pointer === 0) throw new Error("no room for the test's own bytes");
    this.store(pointer, text);
    return this.call("parse");
  }

  /** Asks a question about bytes or text; the policy stays. */
  ask(name: string, about: Uint8Array | string): number {
    const bytes = Buffer.from(about as string);
    this.store(this.call("stage", bytes.length), bytes);
    return this.call(name);
  }
}
