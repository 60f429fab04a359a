CPU := -mcpu=cortex-m7 -mthumb -mfpu=fpv5-d16 -mfloat-abi=hard
include $(ROOT)/boards/mps2/sources.mk
# The isolate has a core apart from its thread: core/core.h.
PRIVILEGED_CORE := 1
