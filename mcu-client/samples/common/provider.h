// Shared by the samples: a device that sends the files of its page, and tries until it succeeds.
#ifndef SAMPLES_PROVIDER_H
#define SAMPLES_PROVIDER_H

#include <veracruz/page.h>

/// Starts clock, watchdog and network, and reads the page. Ends the firmware, saying why, without a good one.
void provider_start(const char *sample, struct vc_page *page);

/// Sends the files of the page, reads the result where the page asks for it, agrees to the end. Connects
/// again when the session is lost. Ends the firmware: code 0, or the negated code of the client.
_Noreturn void provider_run(const struct vc_page *page);

#endif
