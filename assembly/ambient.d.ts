// Functions of the AssemblyScript runtime that its own declaration file leaves out.
declare function __collect(): void;
/** Given where a module is compiled with `--use P256_SMALL=1`: P-256 in a third of the code, at a tenth of the speed. */
declare const P256_SMALL: i32;
/** Given where a module is compiled with `--use P256_ONE_BLOCK=1`: a quarter of the comb of P-256's base point. */
declare const P256_ONE_BLOCK: i32;
/** Given where a module is compiled with `--use SHA256_SMALL=1`: SHA-256 in a fifth of the code, at half the speed. */
declare const SHA256_SMALL: i32;
/** Given where a module is compiled with `--use SHA256_OF_HOME=1`: its home compresses blocks for it. */
declare const SHA256_OF_HOME: i32;
/** Given where a module is compiled with `--use THUMB2_STARVED=1`: a compiler with as few registers as it is told (tests). */
declare const THUMB2_STARVED: i32;
