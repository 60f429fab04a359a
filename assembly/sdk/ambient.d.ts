// Functions of the AssemblyScript runtime that its own declaration file leaves out.
declare function __new(size: usize, id: u32): usize;
