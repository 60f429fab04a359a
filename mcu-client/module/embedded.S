// A WebAssembly module as it is, between the symbols NAME_wasm and NAME_wasm_end.
#define JOIN(name, suffix) name##suffix
#define SYMBOL(name, suffix) JOIN(name, suffix)
  .section .rodata.embedded, "a"
  .global SYMBOL(NAME, _wasm), SYMBOL(NAME, _wasm_end)
  .balign 16
SYMBOL(NAME, _wasm):
  .incbin FILE
SYMBOL(NAME, _wasm_end):
