// The operations that C made by wasm2c is written in, for bare metal. translate.js puts this file in
// place of the prologue that wasm2c emits.
//
// It differs from that prologue in what a Cortex-M gains from:
// - The linear memory is a static array of MEMORY_BYTES (a macro of the build), so its address and
//   its bound are constants. An access is checked against the bytes that are backed, not against
//   `memory.size`: one compare of the address with a constant, and never a byte outside the array.
//   With MEMORY_LENT place and bytes are variables that the module's caller sets.
//   Between the two sizes an access reads and writes zeroed bytes that are the module's own.
// - The array may end within the last page: what lies beyond is out of bounds, and the module's
//   allocator has to know (assembly/platform-services/heap-end.transform.js).
// - Addresses are checked in 32 bits: `address > MEMORY_BYTES - offset - width`, offset and width
//   being constants, cannot wrap. Of several loads at one address the farthest is checked first, and the
//   compiler finds the other checks done (reach.js).
// - There is no call-depth counter: the native stack has a hardware guard (arch/protection.c).
#ifndef WASM2C_PROLOGUE_H
#define WASM2C_PROLOGUE_H

#ifdef MEMORY_LENT
#define MEMORY_BYTES wasm_rt_lent_bytes
#define linear_memory wasm_rt_lent_memory
#elif !defined MEMORY_BYTES
#error "MEMORY_BYTES, the bytes that back the module's memory, must be given"
#endif

#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#define TRAP(x) (wasm_rt_trap(WASM_RT_TRAP_##x), 0)
#define UNREACHABLE TRAP(UNREACHABLE)
#define FUNC_PROLOGUE
#define FUNC_EPILOGUE
#define assert(x) ((void)0)
#define INLINE static inline __attribute__((always_inline, unused))

#define PAGE_BYTES 65536u

#ifndef MEMORY_LENT
static uint8_t linear_memory[MEMORY_BYTES] __attribute__((aligned(16)));
#endif

// The memory's first byte, of which the compiler does not see that it is a constant. It would fold the offset of
// an access into the constant, and have one for each offset to load; so it adds the address once, and the
// offset is part of the instruction.
INLINE u8 *first_byte(void) {
  u8 *first;
  __asm__("" : "=r"(first) : "0"(linear_memory));
  return first;
}

INLINE void wasm_rt_allocate_memory(wasm_rt_memory_t *memory, u32 initial, u32 maximum) {
  u32 backed = (MEMORY_BYTES + PAGE_BYTES - 1) / PAGE_BYTES;
  if (initial > backed) (void)TRAP(OOB);
  memory->data = linear_memory;
  memory->size = MEMORY_BYTES;
  memory->pages = initial;
  memory->max_pages = maximum < backed ? maximum : backed;
  memset(linear_memory, 0, MEMORY_BYTES);
}

INLINE u32 wasm_rt_grow_memory(wasm_rt_memory_t *memory, u32 delta) {
  u32 before = memory->pages;
  if (delta > memory->max_pages - before) return ~0u;
  memory->pages = before + delta;
  return before;
}

INLINE void wasm_rt_free_memory(wasm_rt_memory_t *memory) {
  (void)memory;
  memset(linear_memory, 0, MEMORY_BYTES);
}

// `offset` and `width` are constants wherever this is expanded.
INLINE u8 *at(u32 address, u32 offset, u32 width) {
  if (offset > MEMORY_BYTES - width || UNLIKELY(address > MEMORY_BYTES - width - offset))
    (void)TRAP(OOB);
  return first_byte() + address + offset;
}

// The check of a load that reads up to `extent` bytes from `address`, a constant, before nearer ones (reach.js).
INLINE void reach(u32 address, u32 extent) {
  if (extent > MEMORY_BYTES || UNLIKELY(address > MEMORY_BYTES - extent)) (void)TRAP(OOB);
}

INLINE u8 *range(u32 address, u32 length) {
  if (UNLIKELY(address > MEMORY_BYTES || length > MEMORY_BYTES - address)) (void)TRAP(OOB);
  return linear_memory + address;
}

#define LOAD_DATA(memory, address, bytes, length) memcpy(range(address, length), bytes, length)

#define DEFINE_LOAD(name, stored, loaded)                     \
  INLINE loaded name(u32 address, u32 offset) {               \
    stored value;                                             \
    memcpy(&value, at(address, offset, sizeof value), sizeof value); \
    return (loaded)value;                                     \
  }
#define DEFINE_STORE(name, stored, given)                     \
  INLINE void name(u32 address, u32 offset, given wide) {     \
    stored value = (stored)wide;                              \
    memcpy(at(address, offset, sizeof value), &value, sizeof value); \
  }

// The signed loads widen through the signed type of the result's width.
#define DEFINE_LOAD_SIGNED(name, stored, wide, loaded)        \
  INLINE loaded name(u32 address, u32 offset) {               \
    stored value;                                             \
    memcpy(&value, at(address, offset, sizeof value), sizeof value); \
    return (loaded)(wide)value;                               \
  }

DEFINE_LOAD(i32_load, u32, u32)
DEFINE_LOAD(i64_load, u64, u64)
DEFINE_LOAD(f32_load, f32, f32)
DEFINE_LOAD(f64_load, f64, f64)
DEFINE_LOAD_SIGNED(i32_load8_s, s8, s32, u32)
DEFINE_LOAD_SIGNED(i64_load8_s, s8, s64, u64)
DEFINE_LOAD(i32_load8_u, u8, u32)
DEFINE_LOAD(i64_load8_u, u8, u64)
DEFINE_LOAD_SIGNED(i32_load16_s, s16, s32, u32)
DEFINE_LOAD_SIGNED(i64_load16_s, s16, s64, u64)
DEFINE_LOAD(i32_load16_u, u16, u32)
DEFINE_LOAD(i64_load16_u, u16, u64)
DEFINE_LOAD_SIGNED(i64_load32_s, s32, s64, u64)
DEFINE_LOAD(i64_load32_u, u32, u64)
DEFINE_STORE(i32_store, u32, u32)
DEFINE_STORE(i64_store, u64, u64)
DEFINE_STORE(f32_store, f32, f32)
DEFINE_STORE(f64_store, f64, f64)
DEFINE_STORE(i32_store8, u8, u32)
DEFINE_STORE(i32_store16, u16, u32)
DEFINE_STORE(i64_store8, u8, u64)
DEFINE_STORE(i64_store16, u16, u64)
DEFINE_STORE(i64_store32, u32, u64)

INLINE void memory_fill(wasm_rt_memory_t *memory, u32 address, u32 value, u32 length) {
  (void)memory;
  memset(range(address, length), (int)value, length);
}

INLINE void memory_copy(wasm_rt_memory_t *to, const wasm_rt_memory_t *from, u32 to_address,
                        u32 from_address, u32 length) {
  (void)to;
  (void)from;
  memmove(range(to_address, length), range(from_address, length), length);
}

// Bytes 1, 0, 3, 2 of four: REV16.
INLINE u32 bytes_of_pairs_swapped_32(u32 x) {
  u32 reversed = __builtin_bswap32(x);
  return reversed >> 16 | reversed << 16;
}
INLINE u64 bytes_of_pairs_swapped(u64 x) {
  return (u64)bytes_of_pairs_swapped_32((u32)(x >> 32)) << 32 | bytes_of_pairs_swapped_32((u32)x);
}

// A value below 2^31, of which the compiler sees that it is the extension of 32 bits, and not how it was made: it multiplies
// by SMULL or SMLAL then, where it would take UMULL and MLA for 64 bits.
INLINE u64 below_2_31(u64 x) {
  s32 low = (s32)x;
  __asm__("" : "+r"(low));
  return (u64)(s64)low;
}

#define I32_CLZ(x) ((x) ? (u32)__builtin_clz(x) : 32u)
#define I64_CLZ(x) ((x) ? (u64)__builtin_clzll(x) : 64u)
#define I32_CTZ(x) ((x) ? (u32)__builtin_ctz(x) : 32u)
#define I64_CTZ(x) ((x) ? (u64)__builtin_ctzll(x) : 64u)
#define I32_POPCNT(x) ((u32)__builtin_popcount(x))
#define I64_POPCNT(x) ((u64)__builtin_popcountll(x))

#define ROTATE(name, type, bits)                                                          \
  INLINE type name##_ROTL(type x, type n) {                                               \
    return x << (n & (bits - 1)) | x >> (-n & (bits - 1));                                \
  }                                                                                       \
  INLINE type name##_ROTR(type x, type n) {                                               \
    return x >> (n & (bits - 1)) | x << (-n & (bits - 1));                                \
  }
ROTATE(I32, u32, 32)
ROTATE(I64, u64, 64)

// The lowest number divided by -1 overflows, and has the remainder 0.
#define DEFINE_DIVISION(name, unsigned_type, signed_type, lowest)                   \
  INLINE unsigned_type name##_DIV_S(unsigned_type x, unsigned_type y) {             \
    if (UNLIKELY(y == 0)) (void)TRAP(DIV_BY_ZERO);                                  \
    if (UNLIKELY((signed_type)x == lowest && (signed_type)y == -1)) (void)TRAP(INT_OVERFLOW); \
    return (unsigned_type)((signed_type)x / (signed_type)y);                        \
  }                                                                                 \
  INLINE unsigned_type name##_REM_S(unsigned_type x, unsigned_type y) {             \
    if (UNLIKELY(y == 0)) (void)TRAP(DIV_BY_ZERO);                                  \
    if ((signed_type)y == -1) return 0;                                             \
    return (unsigned_type)((signed_type)x % (signed_type)y);                        \
  }
DEFINE_DIVISION(I32, u32, s32, INT32_MIN)
DEFINE_DIVISION(I64, u64, s64, INT64_MIN)

#define DIV_U(x, y) ((y) == 0 ? TRAP(DIV_BY_ZERO) : (x) / (y))
#define REM_U(x, y) ((y) == 0 ? TRAP(DIV_BY_ZERO) : (x) % (y))

#define DEFINE_REINTERPRET(name, from, to) \
  INLINE to name(from x) {                 \
    to result;                             \
    memcpy(&result, &x, sizeof result);    \
    return result;                         \
  }
DEFINE_REINTERPRET(f32_reinterpret_i32, u32, f32)
DEFINE_REINTERPRET(i32_reinterpret_f32, f32, u32)
DEFINE_REINTERPRET(f64_reinterpret_i64, u64, f64)
DEFINE_REINTERPRET(i64_reinterpret_f64, f64, u64)

// Truncation and rounding of floats are not offered: no trusted module uses them, and one that did
// would not compile.

#define CALL_INDIRECT(table, type, function_type, index, ...)                               \
  (UNLIKELY((index) >= (table).size || (table).data[index].func == NULL ||                  \
            (table).data[index].func_type != func_types[function_type])                     \
       ? TRAP(CALL_INDIRECT)                                                                \
       : 0,                                                                                 \
   ((type)(table).data[index].func)(__VA_ARGS__))

typedef struct {
  uint32_t func_type_index;
  wasm_rt_function_ptr_t func;
  size_t module_offset;
} wasm_elem_segment_expr_t;

#ifdef TABLE_ELEMENTS
static wasm_rt_funcref_t table_elements[TABLE_ELEMENTS];

INLINE void wasm_rt_allocate_funcref_table(wasm_rt_funcref_table_t *table, u32 size, u32 maximum) {
  (void)maximum;
  if (size > TABLE_ELEMENTS) (void)TRAP(OOB);
  memset(table_elements, 0, sizeof table_elements);
  table->data = table_elements;
  table->size = size;
}

INLINE void wasm_rt_free_funcref_table(wasm_rt_funcref_table_t *table) { table->size = 0; }

INLINE void funcref_table_init(wasm_rt_funcref_table_t *table, const wasm_elem_segment_expr_t *from,
                               u32 from_size, u32 to_index, u32 from_index, u32 count,
                               void *instance, const u32 *func_types) {
  if (from_index > from_size || count > from_size - from_index || to_index > table->size ||
      count > table->size - to_index)
    (void)TRAP(OOB);
  for (u32 i = 0; i < count; i++) {
    const wasm_elem_segment_expr_t *element = &from[from_index + i];
    table->data[to_index + i] = (wasm_rt_funcref_t){func_types[element->func_type_index],
                                                    element->func,
                                                    (char *)instance + element->module_offset};
  }
}
#endif

#endif
