/** Random numbers of many kinds, from a generator seeded by the platform or by the program. */
export { ChaCha20 } from "./chacha20";
export { Random } from "./random";
