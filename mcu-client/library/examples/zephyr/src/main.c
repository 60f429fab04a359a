// A data provider on Zephyr: does what its page says, from Zephyr's main thread.
#include <veracruz/page.h>
#include <zephyr-store.h>
#include <zephyr-transport.h>
#include <zephyr/sys/printk.h>

#include "client-page.h" // made by vc-mcu-client provision --header: it holds a private key

int main(void) {
  static struct vc_page page;
  const char *fault = vc_page_read(client_page, &page);
  if (fault) {
    printk("provider: the page: %s\n", fault);
    return 0;
  }
  page.config.transport = &vc_zephyr_transport;
  page.config.time = &vc_zephyr_time;
  page.config.entropy = &vc_zephyr_entropy;
  page.config.store = &vc_zephyr_store;
  vc_set_log(&vc_zephyr_log);
  int code = vc_connect(&page.config);
  for (size_t i = 0; code == VC_OK && i < page.file_count; i++)
    code = vc_send(page.files[i].kind, page.files[i].name, page.files[i].bytes, page.files[i].length);
  vc_close();
  printk("provider: %s\n", code == VC_OK ? "done" : vc_code_name(code));
  return 0;
}
