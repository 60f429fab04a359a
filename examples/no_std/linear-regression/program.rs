//! A straight line through the points of all inputs, by least squares: the program of program.ts, in Rust.
#![no_std]

use veracruz::{decode, encode_output, entry, inputs, try_collect, Code, Vec};

type Points = Vec<(f64, f64)>;

fn program() -> Result<(), Code> {
    let inputs = inputs(1)?;
    let providers: Vec<Points> = try_collect(inputs.len(), |index| decode(inputs[index]))?;
    let mut mean = (0.0, 0.0);
    let mut points = 0.0;
    for list in &providers {
        for (x, y) in list {
            mean.0 += x;
            mean.1 += y;
        }
        points += list.len() as f64;
    }
    mean.0 /= points;
    mean.1 /= points;

    // Sums of products of the distances from the means: they cancel less than sums of raw products do.
    let mut products = (0.0, 0.0);
    for (x, y) in providers.iter().flatten() {
        let dx = x - mean.0;
        products.0 += dx * dx;
        products.1 += dx * (y - mean.1);
    }
    let gradient: f64 = products.1 / products.0;
    let intercept: f64 = mean.1 - gradient * mean.0;
    // No points, one x only, an infinity or a NaN: none of them leaves a finite gradient and intercept.
    if !gradient.is_finite() || !intercept.is_finite() {
        return Err(Code::BAD_INPUT);
    }
    encode_output(&(gradient, intercept))
}
entry!(program);
