# The peers image: wolfSSL's primitives, to be measured beside ours. PEER: c, or assembly.
PEER ?= c
WOLFSSL := $(PROJECT)/build/mcu/wolfssl
ifneq ($(shell node $(ROOT)/fetch-source.js wolfssl $(WOLFSSL) >&2 || echo failed),)
$(error wolfSSL's source is needed)
endif
OUT := $(BOARD_OUT)/peers-$(PEER)
STACK_SIZE := 65536
IMAGE_SOURCES := images/peers/main.c common/counter.c
WOLFSSL_FILES := aes chacha chacha20_poly1305 curve25519 ecc fe_operations hash memory poly1305 random sha256 \
  $(if $(filter assembly,$(PEER)),sp_cortexm,sp_c32) sp_int wc_port wolfmath
WOLFSSL_DEFINES := -DWOLFSSL_USER_SETTINGS $(if $(filter assembly,$(PEER)),-DPEER_ASSEMBLY)
IMAGE_CFLAGS += $(WOLFSSL_DEFINES) -I$(ROOT)/images/peers -isystem $(WOLFSSL)
IMAGE_OBJECTS := $(patsubst %,$(OUT)/wolfssl/%.o,$(WOLFSSL_FILES))

# As fast as compilers make it, without what costs our own modules time.
$(OUT)/wolfssl/%.o: $(WOLFSSL)/wolfcrypt/src/%.c $(ROOT)/images/peers/user_settings.h $(ROOT)/images/peers/image.mk
	@mkdir -p $(@D)
	$(CC) $(COMMON) $(WOLFSSL_DEFINES) -w -I$(ROOT)/images/peers -I$(WOLFSSL) -O2 -fomit-frame-pointer -c $< -o $@
