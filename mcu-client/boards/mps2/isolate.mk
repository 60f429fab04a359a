# Memory of the isolate on the emulated boards, in bytes.
# MEMORY=small is the least that two sessions and a program of 16 KiB get along with: 30 KB of it are the
# runtime's constants and texts.
trusted_MEMORY_BYTES ?= $(if $(filter small,$(MEMORY)),106496,196608)
CONNECTION_BYTES := $(if $(filter small,$(MEMORY)),6144,20480)
STACK_SIZE := $(if $(filter small,$(MEMORY)),$(if $(filter c,$(HOST)),12288,16384),20480)
# Programs can be compiled where there is flash for it. With HOST=thumb2 they always can: that takes less RAM than to interpret
# them.
JIT := $(if $(filter thumb2,$(HOST)),1,$(if $(filter small,$(MEMORY))$(filter 1,$(TRACE)),,1))
