/**
 * What a module's home does for it in the place of code of its own. Of the modules that ship, that of a device's
 * first stage alone asks: its home hashes as well, and has no room for the function twice.
 */

/**
 * SHA-256's compression function (FIPS 180-4 §6.2.2).
 *
 * @param state eight u32, changed in place
 * @param data `blocks` times 64 bytes
 */
export declare function sha256Compress(state: usize, data: usize, blocks: usize): void;
