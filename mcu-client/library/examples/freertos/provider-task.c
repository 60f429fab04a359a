#include "provider-task.h"

#include <FreeRTOS.h>
#include <lwip-os-transport.h>
#include <task.h>
#include <veracruz/page.h>

// The client's 6 KiB, and what interrupts and the task itself take. FreeRTOS counts in words.
enum { STACK_BYTES = 8192, EXIT_NO_PAGE = 64 };

static uint32_t milliseconds(void *context) {
  (void)context;
  return (uint32_t)((uint64_t)xTaskGetTickCount() * 1000 / configTICK_RATE_HZ);
}

// At least a tick: other tasks run meanwhile.
static void sleep_for(uint32_t time_ms) {
  TickType_t ticks = pdMS_TO_TICKS(time_ms);
  vTaskDelay(ticks > 0 ? ticks : 1);
}

static int contribute(const struct provider *provider) {
  static struct vc_page page;
  static struct vc_lwip_os lwip;
  static struct vc_entropy entropy;
  static const struct vc_transport transport = VC_LWIP_OS_TRANSPORT(&lwip);
  static const struct vc_time time = {milliseconds, NULL, NULL};
  if (vc_page_read(provider->page, &page)) return -EXIT_NO_PAGE;
  lwip = (struct vc_lwip_os){provider->network_ready, sleep_for};
  entropy = (struct vc_entropy){provider->entropy, NULL};
  page.config.transport = &transport;
  page.config.time = &time;
  page.config.entropy = &entropy;
  int code = vc_connect(&page.config);
  for (size_t i = 0; code == VC_OK && i < page.file_count; i++)
    code = vc_send(page.files[i].kind, page.files[i].name, page.files[i].bytes, page.files[i].length);
  vc_close();
  return code;
}

static void run(void *provider) {
  ((const struct provider *)provider)->ended(contribute(provider));
  vTaskDelete(NULL);
}

bool provider_start(const struct provider *provider, unsigned priority) {
  return xTaskCreate(run, "veracruz", STACK_BYTES / sizeof(StackType_t), (void *)provider, priority, NULL) == pdPASS;
}
