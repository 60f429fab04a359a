import type { ModuleHost } from "../translated-module/index.js";

/** The least memory for a runtime, in bytes: below it there is no room for sessions and files. */
export const LEAST_MEMORY_BYTES = 256 * 1024;

/** What an isolate has for files and sessions unless its owner or the policy says more, in bytes. */
export const COMPUTER_MEMORY_BYTES = 256 * 1024 * 1024;
/** The most that one can have: WebAssembly addresses 4 GiB, less one page, so that its size fits 32 bits. */
export const MAX_MEMORY_BYTES = 2 ** 32 - 65_536;

/** What the isolate's main thread hands to the worker thread that holds the runtime. */
export interface RuntimeWorkerData {
  /** The bytes of the trusted runtime, as measured. */
  runtime: Uint8Array;
  /** File of the software root of trust's key. */
  rootOfTrust: string;
  /** Up to how many bytes the runtime's memory may grow. */
  memoryLimit: number;
  /** How the runtime is to be hosted; see `chooseHost`. */
  host?: ModuleHost | undefined;
  /** Milliseconds between calls of the runtime's `tick`. */
  tickMs: number;
  /** Word 0 becomes 1 to stop a program that runs. */
  stop: SharedArrayBuffer;
}

/** From the main thread: a frame to handle. Each is answered by `frames` with `done`. */
export interface ToWorker {
  frame: Uint8Array;
}

/** To the main thread. */
export type FromWorker =
  /** The runtime is initialised; what the root of trust reports of itself. */
  | { ready: { lifecycle: number; identity: string; host: ModuleHost } }
  /** Frames for the server; `done` when they answer a frame in full. */
  | { frames: Uint8Array[]; done: boolean }
  /** A line of the runtime's debug output. */
  | { debug: string }
  /** The runtime trapped: it is in an unknown state, and the process must end. */
  | { fatal: string };
