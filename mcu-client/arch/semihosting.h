// Semihosting (Arm IHI 0100): calls of the emulator or of an attached debugger. Development only: on
// a board with no debugger attached the breakpoint instruction is a fault.
#ifndef ARCH_SEMIHOSTING_H
#define ARCH_SEMIHOSTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Opens a file of the host for binary reading: a handle, or -1.
int semihosting_open(const char *path);

/// The opened file's length in bytes, or -1.
int32_t semihosting_length(int handle);

/// Reads exactly `length` bytes: whether that succeeded.
bool semihosting_read(int handle, void *out, size_t length);

void semihosting_close(int handle);

/// Writes a file of the host with these bytes, replacing it.
bool semihosting_write_file(const char *path, const void *bytes, size_t length);

/// Where the next read of the opened file begins.
bool semihosting_seek(int handle, uint32_t offset);

/// Writes into a file of the host that is there and long enough, from `offset` on.
bool semihosting_write_at(const char *path, uint32_t offset, const void *bytes, size_t length);

/// Copies the command line given to the emulator (`-semihosting-config arg=…`) as one string.
bool semihosting_command_line(char *out, size_t capacity);

/// Seconds since 1970, of the host.
uint32_t semihosting_time(void);

/// Ends the emulator with this exit code.
_Noreturn void semihosting_exit(int code);

#endif
