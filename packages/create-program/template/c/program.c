/* Mean temperature over all sensors. Inputs (one or more): a Reading, of one provider each. Result: f64. */
#include "veracruz.h"

int main(void) {
  uint32_t providers;
  vc_code code = vc_input_count(&providers);
  if (code != VC_SUCCESS) return code;
  if (providers == 0) return VC_DATA_SOURCE_COUNT;

  double sum = 0;
  uint32_t values = 0;
  for (uint32_t index = 0; index < providers; index++) {
    vc_bytes input;
    code = vc_input(index, &input);
    if (code != VC_SUCCESS) return code;
    vc_reader reader = vc_read(input);
    /* Reading { sensor: String, celsius: Vec<f64> } */
    vc_read_string(&reader);
    uint32_t count = vc_read_count(&reader, sizeof(double));
    for (uint32_t i = 0; i < count; i++) sum += vc_read_f64(&reader);
    if (reader.failed || count == 0) return VC_BAD_INPUT;
    values += count;
  }

  uint8_t buffer[8];
  vc_writer result = vc_write_to(buffer, sizeof buffer);
  vc_write_f64(&result, sum / values);
  return vc_output(&result);
}
