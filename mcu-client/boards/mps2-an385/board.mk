CPU := -mcpu=cortex-m3 -mthumb -mfloat-abi=soft
include $(ROOT)/boards/mps2/sources.mk
# The isolate has a core apart from its thread: core/core.h.
PRIVILEGED_CORE := 1
