// Clocks, entropy and console of Zephyr.
#include <zephyr/kernel.h>
#include <zephyr/random/random.h>
#include <zephyr/sys/printk.h>

#include "zephyr-transport.h"

static uint32_t milliseconds(void *context) {
  (void)context;
  return k_uptime_get_32();
}

static bool read_entropy(void *context, void *out, size_t length) {
  (void)context;
  return sys_csrand_get(out, length) == 0;
}

static void print(void *context, const char *format, va_list arguments) {
  (void)context;
  vprintk(format, arguments);
}

const struct vc_time vc_zephyr_time = {milliseconds, NULL, NULL};
const struct vc_entropy vc_zephyr_entropy = {read_entropy, NULL};
const struct vc_log vc_zephyr_log = {print, NULL};
