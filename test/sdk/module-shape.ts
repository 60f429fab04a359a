import wabt from "wabt";

const tools = await wabt();

/** Features beyond those that wasm3 has; the rest of the proposals are off, too. */
const features = {
  mutable_globals: true,
  sign_extension: true,
  sat_float_to_int: true,
  bulk_memory: true,
  reference_types: false,
  multi_value: false,
  simd: false,
  threads: false,
  tail_call: false,
  exceptions: false,
  multi_memory: false,
  memory64: false,
  gc: false,
} as const;

export interface ModuleShape {
  /** `module.name`, sorted. */
  imports: string[];
  /** `kind name`, sorted. */
  exports: string[];
  hasStart: boolean;
  /** Instructions that homes without wasm3's support for them could not run. */
  refusedInstructions: string[];
}

/** Validates a module with reference types, multiple values and SIMD disabled; throws if it is not valid. */
export function shapeOf(bytes: Uint8Array): ModuleShape {
  // A copy of its own: wabt takes the whole ArrayBuffer under a view.
  const module = tools.readWasm(new Uint8Array(bytes), features);
  try {
    module.validate();
    const text = module.toText({ foldExprs: false, inlineExport: false });
    const compiled = new WebAssembly.Module(bytes);
    return {
      imports: WebAssembly.Module.imports(compiled)
        .map((each) => `${each.module}.${each.name}`)
        .sort(),
      exports: WebAssembly.Module.exports(compiled)
        .map((each) => `${each.kind} ${each.name}`)
        .sort(),
      hasStart: /^\s*\(start /m.test(text),
      refusedInstructions: [
        ...text.matchAll(/\b(memory\.init|data\.drop|table\.\w+|elem\.drop)\b/g),
      ]
        .map(([name]) => name)
        .sort(),
    };
  } finally {
    module.destroy();
  }
}
