// The work of the trusted runtime's hottest loops in plain C, for the ratio to native.
#ifndef BENCH_NATIVE_H
#define BENCH_NATIVE_H

#include "module.h"

extern const struct bench_export native_exports[];
extern const size_t native_export_count;

#endif
