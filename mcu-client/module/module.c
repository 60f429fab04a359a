#include "module.h"

#include <stddef.h>

static const char *failure;

const char *module_failure(void) { return failure; }

void module_fail(const char *reason) {
  if (!failure) failure = reason;
}
