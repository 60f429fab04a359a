import wabt from "wabt";

const tools = await wabt();

/** Assembles WebAssembly text into a module. Throws with wabt's message when it is not well-formed. */
export function assemble(text: string): Uint8Array<ArrayBuffer> {
  const parsed = tools.parseWat("test.wat", text, { bulk_memory: true, multi_value: true });
  try {
    return new Uint8Array(parsed.toBinary({}).buffer);
  } finally {
    parsed.destroy();
  }
}
