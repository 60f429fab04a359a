import wabt from "wabt";

const tools = await wabt();

/**
 * Assembles WebAssembly text into a module. Throws with wabt's message when it is not well-formed.
 *
 * @param names whether the module has a name section with the text's names
 */
export function assemble(text: string, names = false): Uint8Array<ArrayBuffer> {
  const parsed = tools.parseWat("test.wat", text, { bulk_memory: true, multi_value: true });
  try {
    return new Uint8Array(parsed.toBinary({ write_debug_names: names }).buffer);
  } finally {
    parsed.destroy();
  }
}
