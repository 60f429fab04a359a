#include "semihosting.h"

#include <string.h>

enum operation {
  SYS_OPEN = 0x01,
  SYS_CLOSE = 0x02,
  SYS_WRITE = 0x05,
  SYS_READ = 0x06,
  SYS_SEEK = 0x0A,
  SYS_FLEN = 0x0C,
  SYS_TIME = 0x11,
  SYS_GET_CMDLINE = 0x15,
  SYS_EXIT_EXTENDED = 0x20,
};
enum { OPEN_READ_BINARY = 1, OPEN_UPDATE_BINARY = 3, OPEN_WRITE_BINARY = 5 };
enum { ADP_STOPPED_APPLICATION_EXIT = 0x20026 };

static int32_t semihosting_call(enum operation operation, const void *block) {
  register int32_t r0 __asm("r0") = operation;
  register const void *r1 __asm("r1") = block;
  __asm volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
  return r0;
}

static int open(const char *path, uint32_t mode) {
  const uint32_t block[] = {(uint32_t)path, mode, strlen(path)};
  return semihosting_call(SYS_OPEN, block);
}

int semihosting_open(const char *path) { return open(path, OPEN_READ_BINARY); }

static bool write(int file, const void *bytes, size_t length) {
  const uint32_t block[] = {(uint32_t)file, (uint32_t)bytes, length};
  return semihosting_call(SYS_WRITE, block) == 0;
}

bool semihosting_write_file(const char *path, const void *bytes, size_t length) {
  int file = open(path, OPEN_WRITE_BINARY);
  if (file < 0) return false;
  bool whole = write(file, bytes, length);
  semihosting_close(file);
  return whole;
}

bool semihosting_seek(int handle, uint32_t offset) {
  const uint32_t block[] = {(uint32_t)handle, offset};
  return semihosting_call(SYS_SEEK, block) == 0;
}

bool semihosting_write_at(const char *path, uint32_t offset, const void *bytes, size_t length) {
  int file = open(path, OPEN_UPDATE_BINARY);
  if (file < 0) return false;
  bool whole = semihosting_seek(file, offset) && write(file, bytes, length);
  semihosting_close(file);
  return whole;
}

int32_t semihosting_length(int handle) {
  const uint32_t block[] = {(uint32_t)handle};
  return semihosting_call(SYS_FLEN, block);
}

bool semihosting_read(int handle, void *out, size_t length) {
  const uint32_t block[] = {(uint32_t)handle, (uint32_t)out, length};
  // Answers the number of bytes that it did not read.
  return semihosting_call(SYS_READ, block) == 0;
}

void semihosting_close(int handle) {
  const uint32_t block[] = {(uint32_t)handle};
  semihosting_call(SYS_CLOSE, block);
}

bool semihosting_command_line(char *out, size_t capacity) {
  const uint32_t block[] = {(uint32_t)out, capacity};
  return semihosting_call(SYS_GET_CMDLINE, block) == 0;
}

uint32_t semihosting_time(void) { return (uint32_t)semihosting_call(SYS_TIME, NULL); }

_Noreturn void semihosting_exit(int code) {
  const uint32_t block[] = {ADP_STOPPED_APPLICATION_EXIT, (uint32_t)code};
  semihosting_call(SYS_EXIT_EXTENDED, block);
  for (;;) {
  }
}
