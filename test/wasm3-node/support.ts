import * as assert from "uvu/assert";
import { leb128 } from "../../host/common/leb128.js";
import {
  Environment,
  type Module,
  type Runtime,
  type RuntimeOptions,
  Trap,
  type TrapCode,
} from "../../host/wasm3-node/index.js";
import { assemble } from "../support/wat.js";

/** Loads WebAssembly text into a runtime of its own. */
export function loadText(
  text: string,
  options: RuntimeOptions = {},
): { runtime: Runtime; module: Module } {
  const runtime = new Environment().newRuntime(options);
  return { runtime, module: runtime.load(assemble(text), "test") };
}

/** Calls an export of a module. */
export function call(
  module: Module,
  name: string,
  ...args: (number | bigint)[]
): number | bigint | undefined {
  return module.findFunction(name).call(...args);
}

/** The trap that a call ends with; fails when it returns or throws anything else. */
export function trapOf(run: () => unknown): Trap {
  try {
    run();
  } catch (error) {
    if (error instanceof Trap) return error;
    throw error;
  }
  return assert.unreachable("expected a trap") as never;
}

/** Asserts that a call ends with this trap. */
export function assertTrap(code: TrapCode, run: () => unknown): Trap {
  const trap = trapOf(run);
  assert.is(trap.code, code, `${trap.code} (${trap.message})`);
  return trap;
}

/** Asserts that an error of this class, with such a message, is thrown. */
export function assertThrows(
  // biome-ignore lint/suspicious/noExplicitAny: any error class
  kind: new (...args: any[]) => Error,
  message: RegExp,
  run: () => unknown,
): void {
  assert.throws(
    run,
    (error: unknown) => {
      assert.instance(error, kind, `${error}`);
      assert.match((error as Error).message, message);
      return true;
    },
    `expected ${kind.name} ${message}`,
  );
}

/** Unsigned LEB128. */
/**
 * A module with one function `f` of type () -> () and this body (locals included, without the last `end`): for bodies that
 * the text parser takes too long to read.
 */
export function moduleWithBody(body: readonly number[] | Uint8Array): Uint8Array {
  const code = [...leb128(body.length + 1), ...body, 0x0b];
  const section = (id: number, content: number[]) => [id, ...leb128(content.length), ...content];
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 0, 0]),
    ...section(3, [1, 0]),
    ...section(7, [1, 1, 0x66, 0, 0]),
    ...section(10, [1, ...code]),
  ]);
}

/** `levels` blocks, each in the one before. */
export function nestedBlocks(levels: number): number[] {
  const opened = Array.from({ length: levels }, () => [0x02, 0x40]).flat();
  return [0, ...opened, ...Array(levels).fill(0x0b)];
}
