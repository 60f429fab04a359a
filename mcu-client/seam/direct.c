// The seam where both halves of the isolate are one image.
#include "../hal/board.h"
#include "inside.h"

bool isolate_begin(uint32_t length) { return inside_begin(length); }
bool isolate_part(const void *bytes, uint32_t length) { return inside_part(bytes, length); }
bool isolate_handle(void) { return inside_handle(); }
uint32_t isolate_next(void) { return inside_next(); }
bool isolate_restart(void) { board_reset(); }
bool isolate_take(void *out, uint32_t length) { return inside_take(out, length); }
bool isolate_tick(void) { return inside_tick(); }
void isolate_info(struct isolate_info *out) { inside_info(out); }
bool isolate_random(void *out, uint32_t length) { return inside_random(out, length); }
#ifdef UPDATES
uint32_t isolate_update(uint32_t step, uint32_t offset, const void *bytes, uint32_t length) {
  return update_step(step, offset, bytes, length);
}
void isolate_update_state(struct update_state *out) { update_describe(out); }
#endif
bool isolate_is_running(void) { return inside_is_running(); }
void isolate_end(uint32_t code) { board_exit((int)code); }
