// What others say of a module: V8, and wabt with the features that are run here.
import wabtModule from "wabt";

const wabt = await wabtModule();

/** The feature set of the checker, as far as wabt can be told (bulk memory is all or nothing). */
const features = {
  exceptions: false,
  mutable_globals: true,
  sat_float_to_int: true,
  sign_extension: true,
  simd: false,
  threads: false,
  multi_value: false,
  tail_call: false,
  bulk_memory: true,
  reference_types: false,
  annotations: false,
  gc: false,
};

/** Why wabt refuses the module, or undefined when it validates. */
export function wabtRefusal(bytes: Uint8Array): string | undefined {
  let module: ReturnType<typeof wabt.readWasm> | undefined;
  try {
    module = wabt.readWasm(bytes, { ...features, readDebugNames: false });
    // Its types know no argument here, its code does.
    (module.validate as (features: object) => void)(features);
    return undefined;
  } catch (error) {
    return (error as Error).message.trim();
  } finally {
    module?.destroy();
  }
}

/** Why V8 refuses the module, or undefined when it validates. */
export function v8Refusal(bytes: Uint8Array): string | undefined {
  const copy = new Uint8Array(bytes);
  if (WebAssembly.validate(copy)) return undefined;
  try {
    new WebAssembly.Module(copy);
  } catch (error) {
    return (error as Error).message;
  }
  return "invalid";
}
