/**
 * The H-calls by number. The home links the import `env.__veracruz_hcall_NAME` of a program to the
 * runtime's export `hcall` with the number given here; `host/isolate/hcalls.ts` holds the same table
 * with names and types.
 */
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

/** What an H-call answers to make the program trap. Positive, which no code of the ABI is. */
export const HCALL_TRAP: i32 = 1;

/** Codes that H-calls return to a program, and the meaning of what its `main` returns. */
export const CODE_SUCCESS: i32 = 0;
export const CODE_DATA_SOURCE_SIZE: i32 = -3;
export const CODE_BAD_INPUT: i32 = -4;
export const CODE_RESULT_ALREADY_WRITTEN: i32 = -6;
export const CODE_SERVICE_UNAVAILABLE: i32 = -7;
export const CODE_STREAM_SOURCE_SIZE: i32 = -9;
export const CODE_BAD_STREAM: i32 = -10;
export const CODE_PREVIOUS_RESULT_SIZE: i32 = -11;
