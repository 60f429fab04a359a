/**
 * The eleven H-calls that every Veracruz host offers a program. The file's name is the import module's.
 *
 * A pointer is an address in the program's own memory, read as unsigned; a range that reaches outside
 * it ends the run with a trap. Integers that the host stores are 32-bit little-endian. Each call returns
 * a code: 0, or one of `ReturnCode` in `libveracruz`, which is what programs should use instead.
 */

/** Stores the number of inputs at `out`, a u32. */
export declare function __veracruz_hcall_input_count(out: usize): i32;

/** Stores the length of input `index` in bytes at `out`, a u32; -4 if there is no such input. */
export declare function __veracruz_hcall_input_size(index: u32, out: usize): i32;

/** Copies input `index`, whole, to `buffer`; -4 if there is none, -3 if it is longer than `capacity`. */
export declare function __veracruz_hcall_read_input(
  index: u32,
  buffer: usize,
  capacity: usize,
): i32;

/** Stores the number of this round's stream items at `out`, a u32. */
export declare function __veracruz_hcall_stream_count(out: usize): i32;

/** Stores the length of stream item `index` in bytes at `out`, a u32; -10 if there is none. */
export declare function __veracruz_hcall_stream_size(index: u32, out: usize): i32;

/** Copies stream item `index`, whole, to `buffer`; -10 if there is none, -9 if `capacity` is less. */
export declare function __veracruz_hcall_read_stream(
  index: u32,
  buffer: usize,
  capacity: usize,
): i32;

/** Stores 1 at `out`, a u32, if the previous round left a result, else 0. */
export declare function __veracruz_hcall_has_previous_result(out: usize): i32;

/** Stores the length of the previous result at `out`, a u32; 0 if there is none. */
export declare function __veracruz_hcall_previous_result_size(out: usize): i32;

/** Copies the previous result, if any, to `buffer`; -11 if it is longer than `capacity`. */
export declare function __veracruz_hcall_read_previous_result(buffer: usize, capacity: usize): i32;

/** Hands over a copy of `length` bytes at `buffer` as this run's result; -6 the second time. */
export declare function __veracruz_hcall_write_output(buffer: usize, length: usize): i32;

/** Fills `length` bytes at `buffer` from the platform's trusted source; -7 or -1 if it cannot. */
export declare function __veracruz_hcall_getrandom(buffer: usize, length: usize): i32;
