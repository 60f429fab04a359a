/** The value by which the runtime's export `hcall` asks that the program trap. */
export const HCALL_TRAP = 1;

/**
 * The H-calls that a program may import from module `env`, by number (the index in this list), as
 * `assembly/execution-engine/hcalls.ts` numbers them. Each takes `parameters` i32s and returns an i32.
 */
export const hcalls: readonly { name: string; parameters: 1 | 2 | 3 }[] = [
  { name: "__veracruz_hcall_input_count", parameters: 1 },
  { name: "__veracruz_hcall_input_size", parameters: 2 },
  { name: "__veracruz_hcall_read_input", parameters: 3 },
  { name: "__veracruz_hcall_stream_count", parameters: 1 },
  { name: "__veracruz_hcall_stream_size", parameters: 2 },
  { name: "__veracruz_hcall_read_stream", parameters: 3 },
  { name: "__veracruz_hcall_has_previous_result", parameters: 1 },
  { name: "__veracruz_hcall_previous_result_size", parameters: 1 },
  { name: "__veracruz_hcall_read_previous_result", parameters: 2 },
  { name: "__veracruz_hcall_write_output", parameters: 2 },
  { name: "__veracruz_hcall_getrandom", parameters: 2 },
];

/** The number of an H-call by its name, or -1. */
export function hcallNumber(name: string): number {
  return hcalls.findIndex((hcall) => hcall.name === name);
}
