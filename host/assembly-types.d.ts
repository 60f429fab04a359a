// AssemblyScript's number types, for the files of constants in `assembly/` that host code imports.
type i32 = number;
type u8 = number;
type u32 = number;

/** In a file of constants, a number that a double holds exactly. */
type u64 = number;
