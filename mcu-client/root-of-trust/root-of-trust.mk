# The root of trust: the token module, compiled whatever HOST is, and a module host of its own. Before including:
# module/module.mk's rules want it among MODULES and OWN_MODULES. Sets ROOT_OF_TRUST_OBJECTS.
ROOT_OF_TRUST_OBJECTS := $(patsubst %,$(OBJECTS_OUT)/root-of-trust/own/%.o,module/module module/compiled-module wasm2c/wasm-rt)
$(OBJECTS_OUT)/root-of-trust/%.o: CFLAGS := $(CFLAGS) -include $(ROOT)/root-of-trust/own-module.h
$(OBJECTS_OUT)/root-of-trust/own/%.o: $(ROOT)/%.c $(OBJECTS_OUT)/options $(GENERATED_HEADERS)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(IMAGE_CFLAGS) -c $< -o $@
