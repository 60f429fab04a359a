# Memory of the isolate on this board, in bytes.
# MEMORY=small is the least that two sessions and a small computation get along with.
trusted_MEMORY_BYTES ?= $(if $(filter small,$(MEMORY)),90112,196608)
CONNECTION_BYTES := $(if $(filter small,$(MEMORY)),6144,20480)
STACK_SIZE := $(if $(filter small,$(MEMORY)),$(if $(filter c,$(HOST)),12288,16384),20480)
