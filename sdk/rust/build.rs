//! Rust before 1.68 wants a handler of failed allocations, which it does not let a stable crate give: config.toml sets
//! RUSTC_BOOTSTRAP for it.
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-check-cfg=cfg(alloc_error_handler)");
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("--version").output();
    let version = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    // "rustc 1.63.0 (…)"
    let minor = version.ok().and_then(|text| {
        let mut numbers = text.split_whitespace().nth(1)?.split('.');
        numbers.next()?;
        numbers.next()?.parse::<u32>().ok()
    });
    if matches!(minor, Some(minor) if minor < 68) {
        println!("cargo:rustc-cfg=alloc_error_handler");
    }
}
