// A stand-in for what Zephyr documents of its console, over POSIX.
#ifndef STAND_IN_ZEPHYR_SYS_PRINTK_H
#define STAND_IN_ZEPHYR_SYS_PRINTK_H

#include <stdarg.h>
#include <stdio.h>

static inline void vprintk(const char *format, va_list arguments) { vprintf(format, arguments); }
#define printk printf

#endif
