# The isolate: the trusted runtime and the root of trust's token module, behind TCP 6000 and the serial
# link. Started by the first stage.
HOST ?= wasm3
OUT := $(BOARD_OUT)/isolate-$(HOST)
OBJECTS_OUT := $(BOARD_OUT)/isolate-$(HOST)-objects
ifeq ($(MEMORY),small)
OUT := $(OUT)-small
OBJECTS_OUT := $(OBJECTS_OUT)-small
endif
include $(ROOT)/isolate/trace.mk
FLASH_REGION := main
MODULES := trusted attestation
trusted_WASM := $(PROJECT)/build/wasm/runtime.wasm
attestation_WASM := $(PROJECT)/build/wasm/attestation.wasm
# What it allocates does not depend on input, and ends there (TOKEN_MODULE_MEMORY, scripts/wasm-modules.js).
attestation_MEMORY_BYTES := 15360
include $(ROOT)/boards/$(BOARD)/isolate.mk
include $(ROOT)/net/net.mk
include $(ROOT)/isolate/isolate.mk
# The largest message of the transport protocol (MAX_ISOLATE_FRAME_BYTES) is a policy.
IMAGE_CFLAGS += -DCONNECTION_BYTES=$(CONNECTION_BYTES) -DCONNECTION_LARGE_MAX=66048
IMAGE_SOURCES := isolate/main.c isolate/root-of-trust.c isolate/health.c boot/sha256.c \
  link/connection.c link/serial-link.c link/cobs.c link/crc32.c $(NET_SOURCES) $(HOME_SOURCES) $(TRACE_SOURCES)
IMAGE_OBJECTS := $(HOME_OBJECTS) $(LWIP_OBJECTS)
