// A data provider as a task of FreeRTOS, beside lwIP in a thread of its own. Tests compile it; nobody has run it.
#ifndef PROVIDER_TASK_H
#define PROVIDER_TASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// What the task needs of the application.
struct provider {
  const uint8_t *page; ///< in flash, made by vc-mcu-client provision
  bool (*network_ready)(void);
  bool (*entropy)(void *context, void *out, size_t length); ///< a true random number generator
  void (*ended)(int code);                                  ///< told, in the task, of VC_OK or a VC_E_... code
};

/// Starts the task. False: there is no memory for it. `provider` stays.
bool provider_start(const struct provider *provider, unsigned priority);

#endif
