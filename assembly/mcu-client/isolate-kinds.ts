/** Kinds of isolates, as bits of `IsolateDemand.kinds`. */
export const KIND_LINUX: u32 = 1;
export const KIND_MCU: u32 = 2;
