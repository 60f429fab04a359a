/** Ids of a module's sections (core specification 5.5.2; the tag section is of exception handling). */
export const SECTION_CUSTOM: u32 = 0;
export const SECTION_TYPE: u32 = 1;
export const SECTION_IMPORT: u32 = 2;
export const SECTION_FUNCTION: u32 = 3;
export const SECTION_TABLE: u32 = 4;
export const SECTION_MEMORY: u32 = 5;
export const SECTION_GLOBAL: u32 = 6;
export const SECTION_EXPORT: u32 = 7;
export const SECTION_START: u32 = 8;
export const SECTION_ELEMENT: u32 = 9;
export const SECTION_CODE: u32 = 10;
export const SECTION_DATA: u32 = 11;
export const SECTION_DATA_COUNT: u32 = 12;
export const SECTION_TAG: u32 = 13;
