// A stand-in for what Zephyr documents of its settings, over a file that the environment names (SETTINGS_FILE): a backend
// that appends, and tells older values first.
#ifndef STAND_IN_ZEPHYR_SETTINGS_SETTINGS_H
#define STAND_IN_ZEPHYR_SETTINGS_SETTINGS_H

#include <stddef.h>
#include <sys/types.h>

typedef ssize_t (*settings_read_cb)(void *cb_arg, void *data, size_t len);
typedef int (*settings_load_direct_cb)(const char *key, size_t len, settings_read_cb read_cb, void *cb_arg, void *param);

int settings_subsys_init(void);
int settings_load_subtree_direct(const char *subtree, settings_load_direct_cb cb, void *param);
int settings_save_one(const char *name, const void *value, size_t val_len);

#endif
