import {
  SECTION_CODE,
  SECTION_CUSTOM,
  SECTION_DATA,
  SECTION_ELEMENT,
  SECTION_EXPORT,
  SECTION_FUNCTION,
  SECTION_GLOBAL,
  SECTION_IMPORT,
  SECTION_MEMORY,
  SECTION_START,
  SECTION_TABLE,
  SECTION_TYPE,
} from "../../assembly/wasm-checker/section-ids.js";
import { readU32 } from "./leb128.js";

/** Ids of a WebAssembly module's sections, by name. */
export const SectionId = {
  custom: SECTION_CUSTOM,
  type: SECTION_TYPE,
  import: SECTION_IMPORT,
  function: SECTION_FUNCTION,
  table: SECTION_TABLE,
  memory: SECTION_MEMORY,
  global: SECTION_GLOBAL,
  export: SECTION_EXPORT,
  start: SECTION_START,
  element: SECTION_ELEMENT,
  code: SECTION_CODE,
  data: SECTION_DATA,
} as const;

/** A section of a module: its id, for custom ones its name, and where its content stands. */
export interface Section {
  readonly id: number;
  /** Of a custom section (id 0), byte for byte as Latin-1; empty for the others. */
  readonly name: string;
  /** Offset of the first byte after the section's size, and for custom sections after its name. */
  readonly start: number;
  readonly end: number;
  /** Bytes of all of it, with id and size. */
  readonly size: number;
}

/**
 * The sections of a module, as far as they can be told: for messages to people, not for judging a module. It ends at
 * the first one that makes no sense.
 */
export function* sectionsOf(bytes: Uint8Array): Generator<Section> {
  try {
    for (let at = 8; at < bytes.length; ) {
      const id = bytes[at] as number;
      const [length, content] = readU32(bytes, at + 1, bytes.length);
      const end = content + length;
      if (end > bytes.length) return;
      let start = content;
      let name = "";
      if (id === SectionId.custom) {
        const [nameLength, text] = readU32(bytes, content, end);
        start = text + nameLength;
        if (start > end) return;
        name = Buffer.from(bytes.subarray(text, start)).toString("latin1");
      }
      yield { id, name, start, end, size: end - at };
      at = end;
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
}
