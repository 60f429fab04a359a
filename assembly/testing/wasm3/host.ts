/** A function of the home, which the bench of wasm3-node links. */
export declare function three(a: i32, b: i32, c: i32): i32;
