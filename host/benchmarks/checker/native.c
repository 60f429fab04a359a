// The checker module translated by wasm2c, on its own: checks a module again and again.
//
// Usage: native MODULE ROUNDS      prints the report's code and the nanoseconds of one check
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "checker.h"

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  FILE *file = fopen(argv[1], "rb");
  if (!file) return 2;
  fseek(file, 0, SEEK_END);
  long length = ftell(file);
  rewind(file);
  unsigned char *module = malloc(length);
  if (fread(module, 1, length, file) != (size_t)length) return 2;
  int rounds = atoi(argv[2]);

  wasm_rt_init();
  Z_checker_init_module();
  static Z_checker_instance_t checker;
  Z_checker_instantiate(&checker);
  Z_checkerZ__initialize(&checker);
  Z_checkerZ_limits(&checker, 0);
  u32 at = Z_checkerZ_allocate(&checker, length);
  memcpy(Z_checkerZ_memory(&checker)->data + at, module, length);

  struct timespec start, end;
  u32 code = 0;
  clock_gettime(CLOCK_MONOTONIC, &start);
  for (int i = 0; i < rounds; i++) code = Z_checkerZ_check(&checker, at, length);
  clock_gettime(CLOCK_MONOTONIC, &end);
  double ns = (end.tv_sec - start.tv_sec) * 1e9 + (end.tv_nsec - start.tv_nsec);
  printf("%u %.0f\n", code, ns / rounds);
  return 0;
}
