// A store (veracruz/store.h) in Zephyr's settings, which lie in flash (NVS, ZMS, FCB or a file system, as the project's
// configuration says) and outlive a reset. Nobody has run this on Zephyr: tests run it over a stand-in for the functions
// that Zephyr documents.
#ifndef VERACRUZ_ZEPHYR_STORE_H
#define VERACRUZ_ZEPHYR_STORE_H

#include <veracruz/store.h>

/// For the `store` of a configuration. A setting of 68 bytes for each policy, `veracruz/` and 32 hexadecimal digits of its
/// hash. Whoever wants the device to forget deletes it (settings_delete).
extern const struct vc_store vc_zephyr_store;

#endif
