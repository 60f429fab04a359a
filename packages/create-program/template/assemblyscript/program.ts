// Mean temperature over all sensors. Inputs (one or more): a Reading, of one provider each. Result: f64.
import { Codec, decodeInput, encodeOutput, fail, inputCount, ReturnCode } from "@veracruz/sdk";

class Reading {
  sensor: string = "";
  celsius: Array<f64> = [];

  // One description for both ways: each field is replaced by what the codec makes of it.
  fields(codec: Codec): void {
    this.sensor = codec.of(this.sensor);
    this.celsius = codec.of(this.celsius);
    if (this.celsius.length === 0) codec.reject();
  }
}

export function main(): i32 {
  const count = inputCount();
  if (count.failed) return fail(count.code);
  if (count.value === 0) return fail(ReturnCode.DataSourceCount);
  let sum: f64 = 0;
  let values = 0;
  for (let index: u32 = 0; index < count.value; index++) {
    const reading = decodeInput<Reading>(index);
    if (reading.failed) return fail(reading.code);
    const celsius = reading.value.celsius;
    for (let i = 0; i < celsius.length; i++) sum += celsius[i];
    values += celsius.length;
  }
  return encodeOutput<f64>(sum / (values as f64));
}
