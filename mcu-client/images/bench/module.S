// The WebAssembly module under test, as it is.
  .section .rodata.bench_wasm, "a"
  .global bench_wasm, bench_wasm_end
  .balign 16
bench_wasm:
  .incbin "module.wasm"
bench_wasm_end:
