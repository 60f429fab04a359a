// The kernels as the C compiler makes them for the core: for each its name, its result, and its instructions.
#include "../../arch/console.h"
#include "../../common/counter.h"
#include "kernels.h"

struct run {
  uint32_t (*function)(void);
  uint32_t result;
};

static void run(void *context) {
  struct run *each = context;
  each->result = each->function();
}

int main(void) {
#define ENTRY(name) {#name, kernel_##name},
  static const struct {
    const char *name;
    uint32_t (*function)(void);
  } kernels[] = {KERNELS(ENTRY)};
  for (unsigned i = 0; i < sizeof kernels / sizeof kernels[0]; i++) {
    struct run each = {kernels[i].function, 0};
    uint64_t count = count_instructions(run, &each);
    console_print("kernel %s %x %U\n", kernels[i].name, each.result, count);
  }
  return 0;
}
