# The core of a secure image. Sets CORE_SOURCES, and adds to IMAGE_LDFLAGS.
CORE_SOURCES := core/core.c core/unprivileged.c core/supervisor.c $(if $(filter 1,$(JIT)),core/crossing.c)
IMAGE_CFLAGS += -DSUPERVISOR $(if $(PRIVILEGED_ETHERNET),-DPRIVILEGED_ETHERNET)
IMAGE_LDFLAGS += $(foreach f,console_write entropy_read watchdog_feed board_exit board_reset root_of_trust_token \
  $(if $(UPDATES),update_step update_describe) \
  $(if $(PRIVILEGED_ETHERNET),$(addprefix ethernet_,receive_begin receive receive_end send_begin send send_end arm_interrupt)),-Wl,--wrap=$(f))
