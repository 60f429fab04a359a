/** How a program is run: interpreted by wasm3 (every home), or compiled by the home's own engine. */
export const STRATEGY_INTERPRETATION: u32 = 0;
export const STRATEGY_JIT: u32 = 1;

/** What a home can take of a program: a computer's, or a microcontroller's. */
export const PROFILE_HOST: u32 = 0;
export const PROFILE_MCU: u32 = 1;
