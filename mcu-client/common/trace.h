// Instruction counts on the console, in images built with TRACE=1 for the bench: they run under the
// emulator where each instruction is a nanosecond. Nothing in other images.
#ifndef ISOLATE_TRACE_H
#define ISOLATE_TRACE_H

#ifdef TRACE
#include "../arch/console.h"
#include "counter.h"
#include "../arch/heap.h"
#include "../arch/stack.h"
#define TRACE_START() instruction_clock_start()
#define TRACE_PAINT_STACK() stack_paint()
#define TRACE_STACK() console_print("trace stack %u\n", stack_peak())
#define TRACE_HEAP(when) \
  console_print("trace heap %s %u allocations, %u bytes\n", when, heap_allocations(), heap_used())
#define TRACE_BEGIN() uint64_t trace_begin = instruction_clock()
#define TRACE_END(what) console_print("trace %s %U\n", what, instruction_clock() - trace_begin)
#define TRACE_SINCE_RESET(what) console_print("trace %s %U\n", what, instruction_clock())
// A step of the client's library, by its kind. Those that only look whether there is something to do are left out.
#define TRACE_WORK_MOST_IDLE 4096
extern const char *trace_work_kind;
#define TRACE_WORK_KIND(kind) trace_work_kind = kind
#define TRACE_WORK_BEGIN() \
  trace_work_kind = "step"; \
  uint64_t trace_begin = instruction_clock()
#define TRACE_WORK_END()                                      \
  uint64_t trace_work = instruction_clock() - trace_begin;    \
  if (trace_work > TRACE_WORK_MOST_IDLE) console_print("trace %s %U\n", trace_work_kind, trace_work)
#else
#define TRACE_START()
#define TRACE_PAINT_STACK()
#define TRACE_STACK()
#define TRACE_HEAP(when)
#define TRACE_BEGIN()
#define TRACE_END(what)
#define TRACE_SINCE_RESET(what)
#endif

#endif
