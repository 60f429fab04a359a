# The isolate: the trusted runtime and the root of trust's token module, behind TCP 6000 and the serial
# link. Started by the first stage. On a board with two worlds this is the secure image, and images/outside/
# the other one.
include $(ROOT)/images/isolate/host.mk
OUT := $(BOARD_OUT)/isolate-$(HOST)
OBJECTS_OUT := $(BOARD_OUT)/isolate-$(HOST)-objects
ifeq ($(MEMORY),small)
OUT := $(OUT)-small
OBJECTS_OUT := $(OBJECTS_OUT)-small
endif
# For tests of what the other world may reach: arch/fault.c.
ifeq ($(HARNESS),1)
OUT := $(OUT)-harness
OBJECTS_OUT := $(OBJECTS_OUT)-harness
IMAGE_CFLAGS += -DHARNESS
endif
# For tests: a thread that attacks the core.
INSIDE_MAIN := images/isolate/main.c
ifeq ($(HOSTILE),1)
OUT := $(OUT)-hostile
OBJECTS_OUT := $(OBJECTS_OUT)-hostile
INSIDE_MAIN := images/hostile-inside/main.c
endif
include $(ROOT)/common/trace.mk
FLASH_REGION := main
MODULES := trusted attestation
trusted_WASM := $(PROJECT)/build/wasm/runtime.wasm
attestation_WASM := $(PROJECT)/build/wasm/attestation.wasm
# What it allocates does not depend on input, and ends there (TOKEN_MODULE_MEMORY, scripts/wasm-modules.js).
attestation_MEMORY_BYTES := 12288
# It runs with the privilege of the root of trust, where no interpreter belongs.
attestation_HOST := c
# Each of its bytes is trusted with the attestation key; it signs once in an attestation, and in no handshake.
attestation_CFLAGS := -include $(ROOT)/root-of-trust/own-module.h $(SMALLEST)
OWN_MODULES := attestation
include $(ROOT)/common/version.mk
include $(ROOT)/boards/$(BOARD)/isolate.mk
include $(ROOT)/home/home.mk
include $(ROOT)/root-of-trust/root-of-trust.mk
include $(ROOT)/update/update.mk
IMAGE_SOURCES := images/isolate/inside.c root-of-trust/root-of-trust.c common/sha256.c home/attestation.c \
  $(HOME_SOURCES) $(TRACE_SOURCES) $(UPDATE_SOURCES)
IMAGE_OBJECTS := $(HOME_OBJECTS) $(ROOT_OF_TRUST_OBJECTS)
ifdef TWO_WORLDS
MEMORY_SCRIPT := worlds.ld
BOARD_SOURCES := $(INSIDE_BOARD_SOURCES)
IMAGE_SOURCES += $(if $(UPDATES),link/crc32.c)
IMAGE_CFLAGS += -DINSIDE -DCORE
# Tokens are signed on the stack of the handlers.
IMAGE_LDFLAGS += -Wl,--defsym=__fault_stack_size=6144 -Wl,--cmse-implib -Wl,--out-implib=$(OUT)/gateway.o
include $(ROOT)/core/core.mk
IMAGE_SOURCES += $(INSIDE_MAIN) seam/gateway.c $(CORE_SOURCES)
$(OBJECTS_OUT)/seam/gateway.o: CFLAGS := $(CFLAGS) -mcmse -Wmissing-prototypes
else
BOARD_SOURCES := $(ISOLATE_BOARD_SOURCES)
include $(ROOT)/images/outside/outside.mk
INSIDE_MAIN := $(if $(filter 1,$(HOSTILE)),images/hostile-inside/main.c,images/isolate/one-world.c)
IMAGE_SOURCES += $(INSIDE_MAIN) seam/direct.c $(OUTSIDE_SOURCES)
ifdef PRIVILEGED_CORE
include $(ROOT)/core/core.mk
IMAGE_CFLAGS += -DCORE
IMAGE_LDFLAGS += -Wl,--defsym=__fault_stack_size=6144 -Wl,--defsym=__core_align=4096
IMAGE_SOURCES += $(CORE_SOURCES)
endif
IMAGE_OBJECTS += $(LWIP_OBJECTS)
endif
