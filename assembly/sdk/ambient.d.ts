// Functions of the AssemblyScript runtime that its own declaration file leaves out.
declare function __new(size: usize, id: u32): usize;
// Defined by --use VERACRUZ_DEBUG=1, for development.
declare const VERACRUZ_DEBUG: i32;
