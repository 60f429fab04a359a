/**
 * The platform interface: everything that the trusted runtime asks of its home, and nothing else.
 *
 * Each home (the host isolate in `host/isolate/`, the firmware in `mcu-client/home/`) implements
 * exactly these functions under the import module `platform`. The wasm types are those of the
 * declarations: `usize`, `u32` and `i32` are all wasm `i32`.
 *
 * Conventions
 * - A *pointer* is an address in the runtime's own memory; the home checks `[pointer, pointer +
 *   length)` against that memory's size and traps the runtime (which is fatal to it) when it lies
 *   outside. The home never keeps a pointer after the call returns, except where `programLoad` says.
 * - An *address* is one in the program's memory. The runtime never dereferences it: it asks the home
 *   to copy, and the home refuses with `E_BOUNDS` what lies outside.
 * - Functions that can fail return a negative code of `errors.ts` (`E_…`).
 */

/**
 * Fills `length` bytes at `pointer` from the platform's trusted random source.
 * Returns 0, or `E_UNAVAILABLE` when the source gives nothing (the bytes are then not to be used).
 */
export declare function random(pointer: usize, length: usize): i32;

/** Prints `length` bytes of UTF-8 at `pointer` on the home's debug output, as one line. */
export declare function debug(pointer: usize, length: usize): void;

/**
 * The number of bytes up to which the home lets the runtime's own memory grow; constant while the
 * runtime lives. The runtime plans its allocations with it, since a failed one would be fatal.
 */
export declare function memoryLimit(): u32;

/** The execution strategies that this home offers: bit n set for strategy number n (`STRATEGY_…`). */
export declare function strategies(): u32;

/**
 * The profile of limits up to which this home can load programs: `PROFILE_…` of `program-profiles.ts`.
 * The WASM checker applies it before a program reaches the interpreter.
 */
export declare function programProfile(): u32;

/**
 * Makes a program instance ready to run, in an interpreter of its own: parses, links the H-calls of
 * `abi.md`, compiles every function. Runs nothing (a start section is refused).
 *
 * `bytes`, `length`: the whole WebAssembly module, already validated by the WASM checker. The home may
 * refer to these bytes in place until `programFree`: the runtime must neither change nor free them.
 *
 * `limits`: 24 bytes, little-endian, see `ProgramLimits` in `program-limits.ts`.
 *
 * Returns a handle > 0, or `E_MODULE` (does not parse, link or compile), `E_IMPORT`, `E_EXPORT` (no
 * memory or no `main` of a right type), `E_LIMIT` (initial memory or stack above the limits),
 * `E_MEMORY` (the home has not enough for it), `E_STRATEGY` (execution strategy not offered here).
 */
export declare function programLoad(bytes: usize, length: usize, limits: usize): i32;

/**
 * Runs the program's `main` to its end. Meanwhile each H-call of the program comes back as a call of
 * the runtime's export `hcall`.
 *
 * `returned`: where the home stores the i32 that `main` returned (4 bytes, little-endian).
 *
 * Returns 0 when `main` returned, else why it did not: a `TRAP_…` code of `errors.ts`.
 */
export declare function programRun(handle: i32, returned: usize): i32;

/** Ends the instance and wipes its memory; the module's bytes are the runtime's own again. */
export declare function programFree(handle: i32): void;

/**
 * Copies `length` bytes from `address` in the program's memory to `destination`.
 *
 * Returns 0; `E_BOUNDS`; or, when the copy is more than fuel, deadline or a stop allow, the `TRAP_…` code
 * with which the run ends: the runtime must then answer the H-call with a trap. In that case nothing is copied.
 */
export declare function programRead(
  handle: i32,
  address: u32,
  destination: usize,
  length: u32,
): i32;

/** Copies `length` bytes from `source` to `address` in the program's memory. Returns what `programRead` does. */
export declare function programWrite(handle: i32, address: u32, source: usize, length: u32): i32;

/**
 * Whether `[address, address + length)` lies in the program's memory: 0 or `E_BOUNDS`.
 * Lets the runtime check a range before it allocates for it.
 */
export declare function programCheckRange(handle: i32, address: u32, length: u32): i32;

/**
 * Stores at `out` what the program used so far: u64 fuel (one unit for each call, each loop turn, and each
 * 256 bytes of `memory.fill`, `memory.copy`, `memory.grow`, `programRead` and `programWrite`; all ones where
 * the strategy does not count), u32 peak memory in bytes, u32 reserved (0). 16 bytes.
 */
export declare function programUsage(handle: i32, out: usize): void;

/**
 * Asks the root of trust, a module apart, for the PSA attestation token of a request for a certificate. It
 * puts the nonce together itself, of a challenge, the request, the policy and the scope, and takes one
 * policy, one scope and one key for each start of the runtime.
 *
 * `challenge`, `policyHash`, `scopeHash`: 32 bytes each. `csr`, `csrLength`: the request, DER. `token`,
 * `capacity`: where the token goes, in bytes.
 *
 * Returns the token's length, or `E_UNAVAILABLE` (no root of trust here, or it refuses: another policy,
 * scope or key than before), `E_ARGUMENT` (no request for a P-256 key), `E_CAPACITY` (buffer too small;
 * nothing stored).
 */
export declare function certificationToken(
  challenge: usize,
  policyHash: usize,
  scopeHash: usize,
  csr: usize,
  csrLength: usize,
  token: usize,
  capacity: usize,
): i32;

/**
 * Asks the root of trust for a token for one client in one session: over its nonce, 32 bytes, the
 * exporter of the session, 32 bytes, and key and policy of `certificationToken`, which comes before.
 * Returns what that does.
 */
export declare function reattestationToken(
  nonce: usize,
  exporter: usize,
  token: usize,
  capacity: usize,
): i32;

/**
 * Asks the root of trust for the token by which the device proves, when it is enrolled, that it holds its key:
 * over a challenge of the proxy attestation server, 32 bytes. Returns what `certificationToken` does.
 */
export declare function enrolmentToken(challenge: usize, token: usize, capacity: usize): i32;
