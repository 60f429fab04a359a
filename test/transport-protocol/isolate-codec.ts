// The isolate's codec (assembly/testing/transport.ts), instantiated for tests.
import { readFileSync } from "node:fs";
import { wasmPath } from "../../host/common/paths.js";
import type { Group } from "../../host/transport-protocol/index.js";
import { constantName } from "../../host/transport-protocol/isolate-table.js";

type Exports = Record<string, (...args: number[]) => number> & { memory: WebAssembly.Memory };

export class IsolateCodec {
  private readonly exports: Exports;

  constructor() {
    const module = new WebAssembly.Module(readFileSync(wasmPath("testing/transport")));
    const instance = new WebAssembly.Instance(module, {
      platform: { memoryLimit: () => 64 * 1024 * 1024 },
    });
    this.exports = instance.exports as unknown as Exports;
  }

  /** Value of a constant that the module exports. */
  constant(name: string): number {
    const value = (this.exports as unknown as Record<string, WebAssembly.Global | undefined>)[name];
    if (value === undefined) throw new Error(`the isolate's table has no ${name}`);
    // A u32 comes out of a global as an i32.
    return Number(value.value) >>> 0;
  }

  call(name: string, ...args: number[]): number {
    const exported = this.exports[name];
    if (exported === undefined) throw new Error(`no export ${name}`);
    return exported(...args);
  }

  get pages(): number {
    return this.exports.memory.buffer.byteLength / 65536;
  }

  private view(pointer: number, length: number): Uint8Array {
    return new Uint8Array(this.exports.memory.buffer, pointer, length);
  }

  copyOut(pointer: number, length: number): Buffer {
    return Buffer.from(this.view(pointer, length));
  }

  /** Stores bytes for the length of a call. */
  withBytes<T>(bytes: Uint8Array, use: (pointer: number) => T): T {
    const pointer = this.call("allocate", Math.max(1, bytes.length));
    try {
      this.view(pointer, bytes.length).set(bytes);
      return use(pointer);
    } finally {
      this.call("free", pointer);
    }
  }

  /** 0, or why the bytes are no message of the group. */
  read(group: Group, bytes: Uint8Array): number {
    return this.withBytes(bytes, (pointer) => this.readAt(group, pointer, bytes.length));
  }

  private readAt(group: Group, pointer: number, length: number): number {
    return this.call("read", pointer, length, this.constant(`GROUP_${constantName(group)}`));
  }

  /** Reads a message and writes it again; the error code when it cannot be read. */
  rewrite(group: Group, bytes: Uint8Array): Buffer | number {
    return this.withBytes(bytes, (pointer) => {
      const error = this.readAt(group, pointer, bytes.length);
      if (error !== 0) return error;
      const capacity = this.call("capacityFor", bytes.length);
      const destination = this.call("allocate", capacity);
      try {
        const length = this.call("write", destination, capacity);
        return length < 0 ? length : this.copyOut(destination, length);
      } finally {
        this.call("free", destination);
      }
    });
  }

  /** The frames in a stream that comes in the given chunks, or the error code. */
  frames(limit: number, chunks: readonly Uint8Array[]): Buffer[] | number {
    this.call("framesBegin", limit);
    return this.moreFrames(chunks);
  }

  /** The frames in the next chunks of the stream that `frames` began, or the error code. */
  moreFrames(chunks: readonly Uint8Array[]): Buffer[] | number {
    const frames: Buffer[] = [];
    for (const chunk of chunks) {
      const error = this.withBytes(chunk, (pointer) => {
        this.call("framesPush", pointer, chunk.length);
        let state = this.call("framesNext");
        for (; state === 1; state = this.call("framesNext")) {
          frames.push(this.copyOut(this.call("framePointer"), this.call("frameLength")));
        }
        return state;
      });
      if (error < 0) return error;
    }
    return frames;
  }
}
