/** The import behind `print`. The file's name is the import module's. No isolate offers it. */
export declare function __veracruz_debug_print(reserved: u32, text: usize, length: usize): i32;
