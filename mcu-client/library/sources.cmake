# What the library is made of, below this folder: for CMakeLists.txt, and for zephyr/CMakeLists.txt.
set(VC_LIBRARY_SOURCES
  source/client.c source/configure.c source/report.c source/blocking.c source/page.c source/module-home.c
  stores/flash/flash-store.c module/module.c module/crc32.c)
# The client's module as compiled code.
set(VC_COMPILED_SOURCES
  module/compiled-module.c module/wasm-rt.c generated/client-module.c generated/client-compiled.c)
# What wasm2c's C is compiled with: of GNU's dialect, and without warnings.
set(VC_COMPILED_OPTIONS -std=gnu11 -ffp-contract=off -fno-fast-math -w)
