//! A logistic model of all providers' records, by gradient descent: the program of program.ts, in Rust.
#![no_std]

use veracruz::{decode, encode_output, entry, inputs, try_collect, Code, Decode, Reader, Vec};

const STEPS: u32 = 50;

/// `Vec<f64>`, as a view into the input, where nothing is aligned.
#[derive(Clone, Copy)]
struct Factors(&'static [u8]);

impl Decode for Factors {
    const LEAST: usize = 1;
    fn decode(reader: &mut Reader) -> Result<Self, Code> {
        let count = reader.count(8)?;
        Ok(Factors(reader.take(8 * count)?))
    }
}

impl Factors {
    fn get(self, index: usize) -> f64 {
        let mut value = [0; 8];
        value.copy_from_slice(&self.0[8 * index..8 * index + 8]);
        f64::from_le_bytes(value)
    }
}

type Sample = (bool, Factors);

/// A polynomial in place of 1 / (1 + e^-x).
fn sigmoid(x: f64) -> f64 {
    0.5 + 0.197 * x - 0.004 * x * x * x
}

fn program() -> Result<(), Code> {
    let inputs = inputs(1)?;
    let mut width = 0;
    let mut samples = 0.0;
    let providers: Vec<Vec<Sample>> = try_collect(inputs.len(), |index| {
        let list: Vec<Sample> = decode(inputs[index])?;
        for (_, factors) in &list {
            let length = factors.0.len() / 8;
            if width == 0 {
                width = length;
            }
            if length == 0 || length != width {
                return Err(Code::BAD_INPUT);
            }
        }
        samples += list.len() as f64;
        Ok(list)
    })?;
    if samples == 0.0 {
        return Err(Code::BAD_INPUT);
    }

    let mut numbers = try_collect(2 * (width + 1), |_| Ok(0.0))?;
    let (model, slope) = numbers.split_at_mut(width + 1);
    for _ in 0..STEPS {
        slope.fill(0.0);
        for (label, factors) in providers.iter().flatten() {
            let mut sum = model[0];
            for j in 0..width {
                sum += model[j + 1] * factors.get(j);
            }
            let miss = f64::from(u8::from(*label)) - sigmoid(sum);
            slope[0] += miss;
            for j in 0..width {
                slope[j + 1] += miss * factors.get(j);
            }
        }
        for (weight, each) in model.iter_mut().zip(slope.iter()) {
            *weight += 0.5 * each / samples;
        }
    }
    if model.iter().any(|weight: &f64| !weight.is_finite()) {
        return Err(Code::BAD_INPUT);
    }
    encode_output(&*model)
}
entry!(program);
