// The kernels by which compiled programs are measured: host/benchmarks/compiled/bench.ts.
#ifndef KERNELS_H
#define KERNELS_H

#include <stdint.h>

#define KERNELS(each) \
  each(fibonacci) each(sha256) each(product) each(xorshift) each(quicksort) each(convolution) each(dot) \
  each(double) each(float) each(interpreter) each(distance)
#define DECLARATION(name) uint32_t kernel_##name(void);
KERNELS(DECLARATION)

#endif
