//! The H-calls as the host offers them. A range outside the program's memory ends the run with a trap.

#[link(wasm_import_module = "env")]
extern "C" {
    // table: h-calls; made from assembly/sdk/veracruz_rt/env.ts by npm run build
    /// Stores the number of inputs at `out`, a u32.
    pub fn __veracruz_hcall_input_count(out: *mut u32) -> i32;
    /// Stores the length of input `index` in bytes at `out`, a u32; -4 if there is no such input.
    pub fn __veracruz_hcall_input_size(index: u32, out: *mut u32) -> i32;
    /// Copies input `index`, whole, to `buffer`; -4 if there is none, -3 if it is longer than `capacity`.
    pub fn __veracruz_hcall_read_input(index: u32, buffer: *mut u8, capacity: usize) -> i32;
    /// Stores the number of this round's stream items at `out`, a u32.
    pub fn __veracruz_hcall_stream_count(out: *mut u32) -> i32;
    /// Stores the length of stream item `index` in bytes at `out`, a u32; -10 if there is none.
    pub fn __veracruz_hcall_stream_size(index: u32, out: *mut u32) -> i32;
    /// Copies stream item `index`, whole, to `buffer`; -10 if there is none, -9 if `capacity` is less.
    pub fn __veracruz_hcall_read_stream(index: u32, buffer: *mut u8, capacity: usize) -> i32;
    /// Stores 1 at `out`, a u32, if the previous round left a result, else 0.
    pub fn __veracruz_hcall_has_previous_result(out: *mut u32) -> i32;
    /// Stores the length of the previous result at `out`, a u32; 0 if there is none.
    pub fn __veracruz_hcall_previous_result_size(out: *mut u32) -> i32;
    /// Copies the previous result, if any, to `buffer`; -11 if it is longer than `capacity`.
    pub fn __veracruz_hcall_read_previous_result(buffer: *mut u8, capacity: usize) -> i32;
    /// Hands over a copy of `length` bytes at `buffer` as this run's result; -6 the second time.
    pub fn __veracruz_hcall_write_output(buffer: *const u8, length: usize) -> i32;
    /// Fills `length` bytes at `buffer` from the platform's trusted source; -7 or -1 if it cannot.
    pub fn __veracruz_hcall_getrandom(buffer: *mut u8, length: usize) -> i32;
    // end
}

#[cfg(feature = "debug")]
pub fn print(text: &str) {
    #[link(wasm_import_module = "env")]
    extern "C" {
        fn __veracruz_debug_print(reserved: u32, text: *const u8, length: usize) -> i32;
    }
    unsafe { __veracruz_debug_print(u32::MAX, text.as_ptr(), text.len()) };
}
