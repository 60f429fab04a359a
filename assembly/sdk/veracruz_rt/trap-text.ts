/**
 * What a program for development (`report-traps.transform.js`) exports that leaves the reason of a trap in its memory: a
 * function () -> i32, which answers the address of a u32 length and as many bytes of UTF-8; 0 where there is none.
 */
export const TRAP_TEXT_EXPORT: string = "__veracruz_trap_text";
