// Functions of the AssemblyScript runtime that its own declaration file leaves out.
declare function __collect(): void;
