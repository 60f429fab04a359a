#include <veracruz/page.h>

#include "arch/console.h"
#include "client/board-client.h"
#include "hal/board.h"

enum { EXIT_NO_PAGE = 64, EXIT_NO_NETWORK = 65 };

int main(void) {
  struct vc_page page;
  const char *fault = vc_page_read((const uint8_t *)FLASH_PAGE, &page); // or fill a struct vc_config
  if (fault) {
    console_print("sample: the page of its configuration: %s\n", fault);
    board_exit(EXIT_NO_PAGE);
  }
  if (!board_client_start(&page.config)) board_exit(EXIT_NO_NETWORK);
  int code = vc_connect(&page.config);
  // What your device has measured: here, what was put into the page.
  for (size_t i = 0; code == VC_OK && i < page.file_count; i++)
    code = vc_send_data(page.files[i].name, page.files[i].bytes, page.files[i].length);
  if (code == VC_OK) console_print("sample: sent %u files\n", (unsigned)page.file_count);
  vc_close();
  board_exit(-code);
}
