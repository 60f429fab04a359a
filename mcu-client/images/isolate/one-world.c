// The isolate as one image: the inside calls the outside while a program runs. Where the board's image has a core
// (core/core.h), both run in a thread without privilege once the links are started.
#include "../../core/core.h"
#include "../../hal/watchdog.h"
#include "../../home/programs.h"
#include "../../seam/inside.h"
#include "../outside/outside.h"

void program_running(void) {
  watchdog_feed();
  outside_serve();
}

static void thread(void) {
  inside_start();
  outside_run();
}

int main(void) {
  inside_prepare();
  outside_prepare();
#ifdef CORE
  core_start_thread(thread);
#else
  thread();
#endif
}
