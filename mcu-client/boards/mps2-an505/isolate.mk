# Memory of the isolate on this board, in bytes.
# MEMORY=small is the least that two sessions and a small computation get along with.
trusted_MEMORY_BYTES ?= $(if $(filter small,$(MEMORY)),131072,196608)
# What the token module allocates does not depend on input: its free page is not backed where it is
# compiled. wasm3 backs whole pages.
attestation_MEMORY_BYTES := $(if $(filter c,$(HOST)),16384,65536)
attestation_MEMORY_TOP := 64
CONNECTION_BYTES := $(if $(filter small,$(MEMORY)),8192,20480)
STACK_SIZE := $(if $(filter small,$(MEMORY)),16384,20480)
