// TensorFlow Lite's own interpreter (`@litertjs/core`, with XNNPACK), for networks to be held against. It is made for
// browsers: here Node.js gives it the one function of a worker that it asks for.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { compileFunction } from "node:vm";
import { projectRoot } from "../../host/common/paths.js";

const require = createRequire(import.meta.url);
/** The build without relaxed SIMD, which not every Node.js has. */
const script = join(projectRoot, "node_modules/@litertjs/core/wasm/litert_wasm_compat_internal.js");

interface LiteRtTensor {
  toTypedArray(): Float32Array;
  delete(): void;
}
interface LiteRtModel {
  run(input: LiteRtTensor): Promise<LiteRtTensor[]>;
  delete(): void;
}
interface LiteRtModule {
  loadLiteRt(path: string): Promise<unknown>;
  loadAndCompile(model: Uint8Array, options: { accelerator: "wasm" }): Promise<LiteRtModel>;
  Tensor: new (values: Float32Array, shape: readonly number[]) => LiteRtTensor;
}

/** Loads a script as a worker would, and keeps what it exports where the library looks for it. */
function importScript(path: string): void {
  const module = { exports: {} };
  const names = ["module", "exports", "require", "__filename", "__dirname"];
  const run = compileFunction(readFileSync(path, "utf8"), names, { filename: path });
  run(module, module.exports, require, path, dirname(path));
  Object.assign(globalThis, { ModuleFactory: module.exports });
}

/** Keeps to itself what a library says, but for errors that it throws. */
async function quietly<T>(work: () => Promise<T>): Promise<T> {
  const names = ["log", "info", "warn", "error", "debug"] as const;
  const saved = names.map((name) => console[name]);
  for (const name of names) console[name] = () => undefined;
  try {
    return await work();
  } finally {
    for (const [index, name] of names.entries()) console[name] = saved[index] as () => void;
  }
}

/** The interpreter; one for each process. */
export class LiteRt {
  private constructor(private readonly library: LiteRtModule) {}

  static async load(): Promise<LiteRt> {
    Object.assign(globalThis, { self: globalThis, importScripts: importScript });
    const name: string = "@litertjs/core";
    const library = (await import(name)) as LiteRtModule;
    await quietly(() => library.loadLiteRt(script));
    return new LiteRt(library);
  }

  /**
   * Runs a network that takes and gives floats on some images.
   *
   * @param shape of the input, with a batch of 1
   * @returns the scores of each image
   */
  async scores(
    model: Uint8Array,
    shape: readonly number[],
    images: readonly Float32Array[],
  ): Promise<Float32Array[]> {
    const { Tensor, loadAndCompile } = this.library;
    return quietly(async () => {
      const compiled = await loadAndCompile(model, { accelerator: "wasm" });
      try {
        const found: Float32Array[] = [];
        for (const image of images) {
          const input = new Tensor(image, shape);
          const [output] = await compiled.run(input);
          if (output === undefined) throw new Error("the network gives nothing");
          found.push(output.toTypedArray().slice());
          for (const tensor of [input, output]) tensor.delete();
        }
        return found;
      } finally {
        compiled.delete();
      }
    });
  }
}
