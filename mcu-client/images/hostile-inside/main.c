// An image whose thread attacks the core, for tests: it has all that a runtime has which an attacker has taken
// over. A test chooses the attack by the word after the image's header.
#include <stddef.h>
#include <string.h>

#include "../../arch/console.h"
#include "../../arch/cortex-m.h"
#include "../../common/boot-record.h"
#include "../../compiled-code/cross.h"
#include "../../compiled-code/helpers.h"
#include "../../core/core.h"
#include "../../hal/board.h"
#include "../../home/programs.h"
#include "../../seam/inside.h"
#include "attestation.h"
#include "board-config.h"

__attribute__((section(".image_header"), used)) static const volatile uint32_t attack = 0;

extern uint32_t __core_start[], __core_end[];
extern const uint8_t __image_start[], __image_end[];

void program_running(void) {}

// Own memory for arguments of calls.
static uint8_t own[4096];

static uint32_t next_random(void) {
  static uint32_t state = 0x2545F491;
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  return state;
}

// Whether the thread itself may read and write all of it. The last byte may be the last one before the record.
static bool is_own(uint32_t pointer, uint32_t length) {
  uint32_t start = (uint32_t)__core_end, end = (uint32_t)&__boot_record;
  return pointer >= start && pointer <= end && length <= end - pointer;
}

// A request for a certificate, as OpenSSL makes one.
static const uint8_t csr[] = {
    0x30, 0x81, 0xd4, 0x30, 0x7d, 0x02, 0x01, 0x00, 0x30, 0x1b, 0x31, 0x19, 0x30, 0x17, 0x06, 0x03,
    0x55, 0x04, 0x03, 0x0c, 0x10, 0x56, 0x65, 0x72, 0x61, 0x63, 0x72, 0x75, 0x7a, 0x20, 0x69, 0x73,
    0x6f, 0x6c, 0x61, 0x74, 0x65, 0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d,
    0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
    0x9f, 0xff, 0xeb, 0x7d, 0x83, 0xa7, 0xb5, 0x10, 0x43, 0xad, 0xe0, 0xba, 0xa2, 0x55, 0x9e, 0x06,
    0xf8, 0x9e, 0x52, 0x43, 0x50, 0x1d, 0xf9, 0x22, 0xf7, 0x37, 0x43, 0x73, 0xd3, 0x0d, 0xae, 0x60,
    0xfd, 0x47, 0xcd, 0xd9, 0x24, 0x87, 0x66, 0x7a, 0xff, 0x18, 0x93, 0xa5, 0x16, 0x7e, 0x1e, 0x40,
    0x99, 0xec, 0xb5, 0x25, 0x70, 0x74, 0x24, 0x6f, 0x69, 0xb9, 0x8b, 0xdf, 0xf2, 0xe2, 0xdd, 0xfc,
    0xa0, 0x00, 0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02, 0x03, 0x47,
    0x00, 0x30, 0x44, 0x02, 0x20, 0x5a, 0xf4, 0x25, 0xb8, 0x50, 0x61, 0x6a, 0x30, 0x72, 0xd1, 0x5b,
    0xd2, 0x8e, 0xaf, 0x55, 0x90, 0xf9, 0x6d, 0x37, 0x8b, 0xab, 0x59, 0x99, 0x5f, 0x26, 0xf6, 0x72,
    0x5c, 0x10, 0x0e, 0x16, 0x84, 0x02, 0x20, 0x79, 0x44, 0x20, 0x51, 0x15, 0x03, 0xfb, 0x42, 0x89,
    0xe7, 0xf6, 0x67, 0x1d, 0x48, 0x43, 0x06, 0x23, 0x52, 0x33, 0x93, 0x3c, 0x3f, 0xb3, 0xd2, 0xd5,
    0xa2, 0xdd, 0x10, 0x85, 0xbb, 0x05, 0x0a,
};

// A token for a key under a policy of that number.
static uint32_t token(uint8_t policy) {
  memset(own, policy, 96);
  memcpy(own + 96, csr, sizeof csr);
  return core_call(CORE_TOKEN, (uint32_t)own, 96 + sizeof csr, (uint32_t)own + 1024, 2048);
}

static uint32_t wild_pointer(void) {
  const uint32_t edges[] = {
      0,          (uint32_t)__core_start, (uint32_t)__core_end, (uint32_t)&__boot_record, 0x38200000, 0x10000000,
      0x10200000, 0x20000000,             0x28200000,           0x40200000,               0x50080000, 0x58007000,
      0xE000ED00, 0xE000EDD0,
  };
  uint32_t random = next_random();
  if ((random & 7) == 0) return next_random();
  if ((random & 7) == 1) return (uint32_t)own + (random >> 8) % 64;
  return edges[(random >> 3) % (sizeof edges / sizeof edges[0])] + (random >> 20) % 257 - 128;
}

static uint32_t wild_length(void) {
  uint32_t random = next_random();
  return random & 1 ? (random >> 8) % 512 : random & 2 ? UINT32_MAX - (random >> 8) % 512 : next_random();
}

// Calls with pointers that are not all the thread's own: each must be refused.
static void call_core(void) {
  uint32_t refused = 0, answered = 0;
  for (int i = 0; i < 100000; i++) {
    uint32_t a = wild_pointer(), b = wild_length(), c = wild_pointer(), d = wild_length(), answer;
    switch (next_random() % 6) {
      case 0:
        if (is_own(a, b) && is_own(c, d)) continue;
        answer = core_call(CORE_TOKEN, a, b, c, d);
        break;
      case 1:
        if (is_own(a, b)) continue;
        answer = core_call(CORE_RANDOM, a, b, 0, 0);
        break;
      case 2: // flash may be printed
        if (is_own(a, b) || (a >= (uint32_t)__image_start && a <= (uint32_t)__image_end)) continue;
        answer = core_call(CORE_TEXT, a, b, 0, 0);
        break;
      case 3:
        if (is_own(c, d)) continue;
        answer = core_call(CORE_UPDATE, a % 8, b, c, d);
        break;
      case 4:
        if (is_own(a, 104) && a % 8 == 0) continue;
        answer = core_call(CORE_UPDATES, a, b, c, d);
        break;
      default: answer = core_call(CORE_UPDATES + 1 + (a >> 1), a, b, c, d);
    }
    if (answer == CORE_REFUSED)
      refused++;
    else
      answered++;
  }
  console_print("%s refused, %u answered\n", refused > 50000 ? "enough" : "too few", answered);
}

static void read_from(uint32_t address) {
  uint32_t value = REGISTER32(address);
  console_print("read %x\n", value);
}

static void write_to(uint32_t address) {
  REGISTER32(address) = 0;
  barrier();
  console_print("written\n");
}

static void run(const void *code) {
  ((void (*)(void))((uint32_t)code | 1))();
  console_print("executed\n");
}

static void sign_without_core(void) {
  uint32_t answer;
  bool done = attestation_reattestationToken(0, 32, 64, 2048, &answer);
  console_print("signed: %u\n", done);
}

static void special_registers(void) {
  __asm volatile(
      "msr control, %0\n"
      "msr msp, %1\n"
#if __ARM_ARCH == 8
      "msr msplim, %0\n"
#endif
      "msr primask, %2\n"
      "msr basepri, %2\n"
      "msr faultmask, %2\n"
      "isb\n" ::"r"(0),
      "r"(own + 1024), "r"(1)
      : "memory");
  read_from((uint32_t)__core_start);
}

// A compiled program of the attacker's, which holds what is in r0 and r12, in whole slots of memory.
static struct {
  uint16_t code[128];
  uint32_t data[256];
} compiled __attribute__((aligned(1024)));

enum { R0 = 0, R12 = 4, PC = 6, PSR = 7, FRAME = 256 - 8 };

static struct crossing_start compiled_start(void) {
  return (struct crossing_start){.code = (uint32_t)compiled.code,
                                 .code_end = (uint32_t)compiled.code + sizeof compiled.code,
                                 .data = (uint32_t)compiled.data,
                                 .data_end = (uint32_t)compiled.data + sizeof compiled.data,
                                 .frame = (uint32_t)&compiled.data[FRAME]};
}

static void run_compiled(uint16_t instruction, uint32_t r0, uint32_t r12) {
  const uint16_t code[] = {instruction, 0xDF00, 0xE7FE}; // svc 0; b .
  memcpy(compiled.code, code, sizeof code);
  // As in a real program's context: that keeps in the image what a program may execute of it.
  compiled.data[1] = (uint32_t)code_helpers;
  compiled.data[FRAME + R0] = r0;
  compiled.data[FRAME + R12] = r12;
  compiled.data[FRAME + PC] = (uint32_t)compiled.code;
  compiled.data[FRAME + PSR] = 1 << 24;
  struct crossing_start start = compiled_start();
  struct crossing_end end;
  do code_cross(&start, 0, &end);
  while (end.frame != CROSSING_REFUSED && end.ticked);
  if (end.frame == CROSSING_REFUSED) {
    console_print("refused\n");
    return;
  }
  console_print("the program came back with %x\n", ((const uint32_t *)end.frame)[R0]);
}

enum { READ = 0x6800, WRITE = 0x6000, JUMP = 0x4700, STACK = 0x4685, NOTHING = 0xBF00 };

// Views of memory that are not the thread's to give.
static void ask_for_views(void) {
  const uint32_t edges[] = {0, 0x20000000, 0x38000000, (uint32_t)__core_start, (uint32_t)__core_end - 1024,
                            (uint32_t)&__boot_record, 0x10000000, 0x28200000, 0x40200000, 0x50080000, 0xE000ED00};
  uint32_t refused = 0, answered = 0;
  memset(&compiled, 0, sizeof compiled);
  for (int i = 0; i < 100000; i++) {
    struct crossing_start start = compiled_start();
    uint32_t random = next_random(), edge = edges[(random >> 8) % (sizeof edges / sizeof edges[0])];
    uint32_t length = 1u << (random >> 16) % 24;
    switch (random % 5) {
      case 0: start.code = edge, start.code_end = edge + length; break;
      case 1: start.data = edge, start.data_end = edge + length; break;
      case 2: start.code = edge; break;
      case 3: start.data_end = edge; break;
      default: start.frame = edge;
    }
    if (is_own(start.code, start.code_end - start.code) && is_own(start.data, start.data_end - start.data) &&
        start.frame >= start.data && start.frame < start.data_end) continue;
    struct crossing_end end;
    code_cross(&start, 0, &end);
    if (end.frame == CROSSING_REFUSED)
      refused++;
    else
      answered++;
  }
  console_print("%s refused, %u answered\n", refused > 50000 ? "enough" : "too few", answered);
}

__attribute__((naked)) static void call_on(uint32_t stack __attribute__((unused))) {
  __asm volatile(
      "mov sp, r0\n"
      "movs r0, #0\n"
      "mov r12, #3\n"
      "svc 0\n"
      "b .\n");
}

// Writes a text to the host's console, if there is semihosting (Arm IHI 0100): SYS_WRITE0.
static void semihosting(void) {
  register uint32_t r0 __asm("r0") = 4;
  register const char *r1 __asm("r1") = "the host was called\n";
  __asm volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
}

static bool is_token(uint32_t length) { return length > 100 && length < 2048; }

// Says that it starts anew, and would go on as it was: with what it leaves in memory and registers, and at an address of
// its choice (attack 41).
enum { AGAIN = 40, AGAIN_TO_OWN = 41, MARK = 0x5A17E0DD };

#ifdef INSIDE

static void own_code(void) {
  console_print("went on in its own code\n");
  board_exit(0);
}

static void say_starts(uint32_t mark) {
  for (uint32_t *at = (uint32_t *)own; at < (uint32_t *)(own + sizeof own); at++) *at = mark;
  // Also where no program has put anything yet.
  uint32_t end = (uint32_t)&__boot_record;
  for (uint32_t at = end - 0x40000; at < end; at += 4) REGISTER32(at) = mark;
  __asm volatile(
      ".irp n, 4, 5, 6, 7, 8, 9, 10, 11\n mov r\\n, %[mark]\n .endr\n"
      ".irp n, 0, 2, 15, 16, 30, 31\n vmov s\\n, %[mark]\n .endr\n"
      "mov lr, %[to]\n"
      "mov r12, %[call]\n"
      "svc 0\n"
      "b .\n"
      :
      : [mark] "r"(mark), [to] "r"((uint32_t)own_code | 1), [call] "i"(CORE_STARTS)
      : "memory");
}

void core_thread_again(void) {
  uint32_t wanted = ~(uint32_t)~MARK, left = 0, registers = 0;
  float values[3];
  __asm volatile("vstr s2, [%0]\n vstr s16, [%0, #4]\n vstr s31, [%0, #8]" ::"r"(values) : "memory");
  for (int i = 0; i < 3; i++) registers += values[i] != 0;
  // What came through for the other world stands at the top of the stack.
  extern uint32_t __stack_top[];
  uint32_t top = (uint32_t)__stack_top, end = (uint32_t)&__boot_record;
  for (uint32_t at = (uint32_t)__core_end; at < end; at += 4)
    if (at < top - 256 || at >= top) left += REGISTER32(at) == wanted;
  // This loop's own register may have been put on the stack.
  console_print("again: %s of memory, %u of registers\n", left > 1 ? "something" : "nothing", registers);
  console_print("token for another policy: %s\n", is_token(token(9)) ? "right" : "WRONG");
  if (attack == AGAIN) board_exit(0);
}
#endif

static void thread(void) {
  uint32_t core = (uint32_t)__core_start, end = (uint32_t)__core_end;
  uint32_t record = (uint32_t)&__boot_record;
  static const uint16_t code[] = {0x4770}; // bx lr
  memcpy(own, code, sizeof code);
  console_print("hostile thread, attack %u\n", attack);
  switch (attack) {
    case 0: call_core(); break;
    case 1: read_from(core); break;
    case 2: read_from(end - 4); break;
    case 3: read_from(record + offsetof(struct boot_record, attestation_key)); break;
    case 4: read_from(record + 252); break;
    case 5: read_from(BOARD_WATCHDOG); break;
    case 6: read_from(BOARD_TIMER0); break;
    case 7: read_from(BOARD_UART0); break;
    case 9: read_from(0xE000ED08); break;
    case 16: write_to(core); break;
    case 17: write_to(end - 4); break;
    case 18: write_to(record); break;
    case 19: write_to((uint32_t)__image_start); break;
    case 20: write_to((uint32_t)__image_start - 4096); break;
    case 21: write_to(0xE000ED08); break;
    case 22: write_to(0xE000ED94); break;
    case 32: run(own); break;
#ifdef INSIDE
    case 8: read_from(0x58007000); break; // the memory protection controller
    case 10: read_from(0x50080000); break; // the security controller
    case 23: write_to(0xE000EDD0); break; // the attribution unit
    case 33: run((const void *)BOARD_OUTSIDE_RAM_START); break;
#endif
#ifdef INSIDE
    case AGAIN:
    case AGAIN_TO_OWN:
      console_print("token: %s\n", is_token(token(7)) ? "right" : "WRONG");
      console_print("token for another policy before: %s\n", is_token(token(9)) ? "WRONG" : "refused");
      run_compiled(NOTHING, 0, 0); // there was a program
      say_starts(MARK);
      break;
#else
    case AGAIN:
      console_print("token: %s\n", is_token(token(7)) ? "right" : "WRONG");
      core_call(CORE_STARTS, 0, 0, 0, 0);
      console_print("token for another policy: %s\n", is_token(token(9)) ? "WRONG" : "refused");
      break;
#endif
    case 34: sign_without_core(); break;
    case 35: special_registers(); break;
    case 36: call_on(end); break;
    case 37: call_on(core + 64); break;
    case 38: call_on(record + 256); break;
    case 39: semihosting(); break;
    case 48: run_compiled(WRITE, (uint32_t)compiled.code, 0); break;
    case 49: run_compiled(READ, (uint32_t)own, 0); break;
    case 50: run_compiled(JUMP, (uint32_t)compiled.data | 1, 0); break;
    case 51:
      memcpy(compiled.code, code, sizeof code);
      run(compiled.code);
      break;
    case 52: run_compiled(READ, (uint32_t)compiled.data, 0); break;
    case 53: run_compiled(READ, (uint32_t)__image_start, 0); break;
    case 54: run_compiled(READ, (uint32_t)compiled.data + sizeof compiled.data, 0); break;
    case 55: run_compiled(READ, core, 0); break;
    case 56: run_compiled(STACK, end, 0); break;
    case 57: run_compiled(STACK, (uint32_t)own + 512, 0); break;
    case 58: run_compiled(NOTHING, 1, CORE_EXIT); break;
    case 59: ask_for_views(); break;
    case 60: run_compiled(READ, 0xE000ED08, 0); break;
    case 61: run_compiled(JUMP, (uint32_t)core_call | 1, 0); break;
    case 62: run_compiled(READ, BOARD_UART0, 0); break;
#ifdef INSIDE
    case 63: run_compiled(READ, BOARD_OUTSIDE_RAM_START, 0); break;
#else
    case 63: run_compiled(READ, BOARD_ETHERNET, 0); break;
#endif
    default: console_print("no such attack\n"); break;
  }
  console_print("token: %s\n", is_token(token(7)) ? "right" : "WRONG");
  console_print("survived\n");
  board_exit(0);
}

int main(void) {
  inside_prepare();
  core_start_thread(thread);
}
