// A device that holds a share of a secret: it gives the share to the isolate and to nobody else.
#include "../../arch/console.h"
#include "../common/provider.h"

int main(void) {
  struct vc_page page;
  provider_start("shamir-secret-sharing", &page);
  for (size_t i = 0; i < page.file_count; i++)
    if (page.files[i].kind == VC_FILE_DATA && page.files[i].length > 0)
      console_print("device: holds share %u, of %u bytes\n", page.files[i].bytes[0],
                    page.files[i].length - 1);
  provider_run(&page);
}
