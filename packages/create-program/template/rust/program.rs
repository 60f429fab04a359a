//! Mean temperature over all sensors. Inputs (one or more): a Reading, of one provider each. Result: f64.
#![no_std]

use veracruz::{decode, encode_output, entry, inputs, record, Code, Vec};

record! {
    struct Reading { _sensor: &'static str, celsius: Vec<f64> }
}

fn program() -> Result<(), Code> {
    let (mut sum, mut values) = (0.0, 0);
    for input in inputs(1)? {
        let reading: Reading = decode(input)?;
        if reading.celsius.is_empty() {
            return Err(Code::BAD_INPUT);
        }
        sum += reading.celsius.iter().sum::<f64>();
        values += reading.celsius.len();
    }
    encode_output(&(sum / values as f64))
}
entry!(program);
