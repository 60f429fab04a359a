# Memory of the isolate on this board, in bytes.
trusted_MEMORY_BYTES ?= 196608
# What the token module allocates does not depend on input: its free page is not backed where it is
# compiled. wasm3 backs whole pages.
attestation_MEMORY_BYTES := $(if $(filter c,$(HOST)),16384,65536)
attestation_MEMORY_TOP := 64
CONNECTION_BYTES := 20480
STACK_SIZE := 20480
