import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { projectRoot } from "../common/paths.js";
import { CompileError, LoadError, Trap, type TrapCode, type TrapFrame } from "./errors.js";

declare const runtimeBrand: unique symbol;
/** A handle of the addon, freed by the garbage collector at the latest. */
export type NativeRuntime = { readonly [runtimeBrand]: true };

type Value = number | bigint;

/** The addon's functions. They check types and bounds themselves; ranges of options are checked by the classes above. */
interface Addon {
  setErrorClasses(trap: unknown, loadError: unknown, compileError: unknown): void;
  newRuntime(stackSize: number, memoryLimit: number, nativeStackLimit: number): NativeRuntime;
  freeRuntime(runtime: NativeRuntime): void;
  setFuel(runtime: NativeRuntime, units: bigint): void;
  fuelUsed(runtime: NativeRuntime): bigint;
  setDeadline(runtime: NativeRuntime, milliseconds: number): void;
  setCancellation(runtime: NativeRuntime, flag: Int32Array): void;
  cancel(runtime: NativeRuntime): boolean;
  memoryPages(runtime: NativeRuntime): number;
  load(runtime: NativeRuntime, bytes: Uint8Array): void;
  // biome-ignore lint/suspicious/noExplicitAny: any function can be called; its values are checked at each call
  linkHost(runtime: NativeRuntime, functionIndex: number, fn: (...args: any[]) => unknown): void;
  linkBridge(
    runtime: NativeRuntime,
    functionIndex: number,
    target: NativeRuntime,
    targetIndex: number,
    leading: readonly Value[],
    trapAbove: number | undefined,
  ): void;
  /** Import indices by `module.name`, export indices by name; both without a prototype. */
  useTranslation(
    runtime: NativeRuntime,
    path: string,
    sha256: string,
    imports: Readonly<Record<string, number>>,
    exports: Readonly<Record<string, number>>,
  ): void;
  compile(runtime: NativeRuntime): void;
  getGlobal(runtime: NativeRuntime, index: number): Value;
  setGlobal(runtime: NativeRuntime, index: number, value: Value): void;
  call(
    runtime: NativeRuntime,
    keepAlive: object,
    functionIndex: number,
    ...args: Value[]
  ): Value | undefined;
  memoryLength(runtime: NativeRuntime): number;
  memoryCheck(runtime: NativeRuntime, address: number, length: number): boolean;
  memoryRead(runtime: NativeRuntime, address: number, target: Uint8Array): void;
  memoryWrite(runtime: NativeRuntime, address: number, source: Uint8Array): void;
  memoryFill(runtime: NativeRuntime, address: number, length: number, byte: number): void;
  memoryCopy(
    from: NativeRuntime,
    fromAddress: number,
    to: NativeRuntime,
    toAddress: number,
    length: number,
  ): boolean;
  memoryBuffer(runtime: NativeRuntime): ArrayBuffer;
}

/** The text of an error that a host function threw. It may be any value, and its getters may throw, too. */
function messageOf(cause: unknown): string {
  try {
    return cause instanceof Error ? `: ${cause.message}` : "";
  } catch {
    return "";
  }
}

/** How the addon makes a trap: frames come as `[name, index, offset?]`. */
class NativeTrap extends Trap {
  constructor(
    code: TrapCode,
    message: string,
    frames: [string, number, number?][],
    hasCause: boolean,
    cause: unknown,
  ) {
    const backtrace = frames.map(
      ([name, index, offset]): TrapFrame => ({
        function: name,
        index,
        ...(offset !== undefined && { offset }),
      }),
    );
    super(code, message + messageOf(cause), backtrace, hasCause ? { cause } : undefined);
  }
}

function loadAddon(): Addon {
  const path = join(projectRoot, "build", "wasm3", "wasm3.node");
  if (!existsSync(path))
    throw new Error(
      `${path} is missing: it is built by npm install (or node host/wasm3-node/install.js), which needs a C compiler`,
    );
  const addon = createRequire(import.meta.url)(path) as Addon;
  addon.setErrorClasses(NativeTrap, LoadError, CompileError);
  return addon;
}

/** The native addon. */
export const addon: Addon = loadAddon();
