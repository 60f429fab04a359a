/**
 * Made from `assembly/sdk/veracruz_rt/env.ts`, which declares and describes the H-calls: change that file
 * and run `npm run build`.
 */

/** What each H-call's name begins with. */
export const HCALL_PREFIX: string = "__veracruz_hcall_";

/**
 * What follows the prefix, by number, and after each name the number of its i32 parameters: one string, since
 * each string of its own takes 28 bytes more.
 */
export const HCALL_NAMES: string =
  "input_count1input_size2read_input3stream_count1stream_size2read_stream3has_previous_result1previous_result_size1read_previous_result2write_output2getrandom2";

/** The numbers by which the home asks the runtime's export `hcall`. */
export const HCALL_INPUT_COUNT: u32 = 0;
export const HCALL_INPUT_SIZE: u32 = 1;
export const HCALL_READ_INPUT: u32 = 2;
export const HCALL_STREAM_COUNT: u32 = 3;
export const HCALL_STREAM_SIZE: u32 = 4;
export const HCALL_READ_STREAM: u32 = 5;
export const HCALL_HAS_PREVIOUS_RESULT: u32 = 6;
export const HCALL_PREVIOUS_RESULT_SIZE: u32 = 7;
export const HCALL_READ_PREVIOUS_RESULT: u32 = 8;
export const HCALL_WRITE_OUTPUT: u32 = 9;
export const HCALL_GETRANDOM: u32 = 10;

/** What the export `hcall` answers to make the program trap. Positive, which no code of the ABI is. */
export const HCALL_TRAP: i32 = 1;
