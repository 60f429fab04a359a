// The calls of the board's functions in a secure image, where the linker puts these in their place (--wrap): without
// privilege by way of the core, else directly.
#include <stdbool.h>
#include <stddef.h>

#include "../arch/cortex-m.h"
#include "../root-of-trust/root-of-trust.h"
#ifdef UPDATES
#include "../update/delivery.h"
#endif
#include "core.h"

static bool is_privileged(void) {
  uint32_t control;
  __asm volatile("mrs %0, control" : "=r"(control));
  return exception_number() != 0 || !(control & 1);
}

void __real_console_write(const void *bytes, size_t length);
bool __real_entropy_read(void *out, size_t length);
void __real_watchdog_feed(void);
_Noreturn void __real_board_exit(int code);
_Noreturn void __real_board_reset(void);
int32_t __real_root_of_trust_token(const uint8_t *asked, uint32_t asked_length, uint8_t *token,
                                   uint32_t capacity);
void __wrap_console_write(const void *bytes, size_t length);
bool __wrap_entropy_read(void *out, size_t length);
void __wrap_watchdog_feed(void);
_Noreturn void __wrap_board_exit(int code);
_Noreturn void __wrap_board_reset(void);
int32_t __wrap_root_of_trust_token(const uint8_t *asked, uint32_t asked_length, uint8_t *token,
                                   uint32_t capacity);

void __wrap_console_write(const void *bytes, size_t length) {
  if (is_privileged())
    __real_console_write(bytes, length);
  else
    core_call(CORE_TEXT, (uint32_t)bytes, length, 0, 0);
}

bool __wrap_entropy_read(void *out, size_t length) {
  if (is_privileged()) return __real_entropy_read(out, length);
  return core_call(CORE_RANDOM, (uint32_t)out, length, 0, 0) == 1;
}

void __wrap_watchdog_feed(void) {
  if (is_privileged())
    __real_watchdog_feed();
  else
    core_call(CORE_WATCHDOG, 0, 0, 0, 0);
}

_Noreturn void __wrap_board_exit(int code) {
  if (is_privileged()) __real_board_exit(code);
  for (;;) core_call(CORE_EXIT, (uint32_t)code, 0, 0, 0);
}

_Noreturn void __wrap_board_reset(void) {
  if (is_privileged()) __real_board_reset();
  for (;;) core_call(CORE_RESET, 0, 0, 0, 0);
}

int32_t __wrap_root_of_trust_token(const uint8_t *asked, uint32_t asked_length, uint8_t *token,
                                   uint32_t capacity) {
  if (is_privileged()) return __real_root_of_trust_token(asked, asked_length, token, capacity);
  return (int32_t)core_call(CORE_TOKEN, (uint32_t)asked, asked_length, (uint32_t)token, capacity);
}


#ifdef UPDATES
enum update_outcome __real_update_step(uint32_t step, uint32_t offset, const uint8_t *bytes, uint32_t length);
enum update_outcome __wrap_update_step(uint32_t step, uint32_t offset, const uint8_t *bytes, uint32_t length);
void __real_update_describe(struct update_state *state);
void __wrap_update_describe(struct update_state *state);

enum update_outcome __wrap_update_step(uint32_t step, uint32_t offset, const uint8_t *bytes, uint32_t length) {
  if (is_privileged()) return __real_update_step(step, offset, bytes, length);
  return (enum update_outcome)core_call(CORE_UPDATE, step, offset, (uint32_t)bytes, length);
}

void __wrap_update_describe(struct update_state *state) {
  if (is_privileged())
    __real_update_describe(state);
  else
    core_call(CORE_UPDATES, (uint32_t)state, 0, 0, 0);
}
#endif

#ifdef PRIVILEGED_ETHERNET
size_t __real_ethernet_receive_begin(void);
size_t __wrap_ethernet_receive_begin(void);
void __real_ethernet_receive(void *out, size_t length);
void __wrap_ethernet_receive(void *out, size_t length);
void __real_ethernet_receive_end(void);
void __wrap_ethernet_receive_end(void);
bool __real_ethernet_send_begin(size_t length);
bool __wrap_ethernet_send_begin(size_t length);
void __real_ethernet_send(const void *bytes, size_t length);
void __wrap_ethernet_send(const void *bytes, size_t length);
void __real_ethernet_send_end(void);
void __wrap_ethernet_send_end(void);
void __real_ethernet_arm_interrupt(void);
void __wrap_ethernet_arm_interrupt(void);

size_t __wrap_ethernet_receive_begin(void) {
  return is_privileged() ? __real_ethernet_receive_begin() : core_call(CORE_FRAME, 0, 0, 0, 0);
}

void __wrap_ethernet_receive(void *out, size_t length) {
  if (is_privileged())
    __real_ethernet_receive(out, length);
  else
    core_call(CORE_FRAME_READ, (uint32_t)out, length, 0, 0);
}

void __wrap_ethernet_receive_end(void) {
  if (is_privileged())
    __real_ethernet_receive_end();
  else
    core_call(CORE_FRAME_DONE, 0, 0, 0, 0);
}

bool __wrap_ethernet_send_begin(size_t length) {
  return is_privileged() ? __real_ethernet_send_begin(length) : core_call(CORE_SEND, length, 0, 0, 0) == 1;
}

void __wrap_ethernet_send(const void *bytes, size_t length) {
  if (is_privileged())
    __real_ethernet_send(bytes, length);
  else
    core_call(CORE_SEND_BYTES, (uint32_t)bytes, length, 0, 0);
}

void __wrap_ethernet_send_end(void) {
  if (is_privileged())
    __real_ethernet_send_end();
  else
    core_call(CORE_SEND_DONE, 0, 0, 0, 0);
}

void __wrap_ethernet_arm_interrupt(void) {
  if (is_privileged())
    __real_ethernet_arm_interrupt();
  else
    core_call(CORE_AWAIT_FRAME, 0, 0, 0, 0);
}
#endif
