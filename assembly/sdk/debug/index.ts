/**
 * A print for development. It is nothing unless the program is compiled with `--use VERACRUZ_DEBUG=1`; then `vc-fee`
 * shows the text, and every isolate refuses the program.
 */
import { storeUtf8, utf8Length } from "../codec/utf8";
import { tryBytes } from "../veracruz_rt/memory";
import { __veracruz_debug_print } from "./env";

/** No input has this index: see `host/program-debugger`. */
const RESERVED: u32 = 0xffffffff;

/** Shows a text in `vc-fee`. */
export function print(text: string): void {
  if (isDefined(VERACRUZ_DEBUG)) {
    const bytes = tryBytes(utf8Length(text));
    if (bytes === null) return;
    storeUtf8(text, bytes.dataStart);
    __veracruz_debug_print(RESERVED, bytes.dataStart, bytes.length);
  }
}
