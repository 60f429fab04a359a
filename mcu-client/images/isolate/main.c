// The secure image of a board with two worlds: starts the inside, then the non-secure image, which comes back
// through the gateway only (seam/gateway.c).
#include "../../core/core.h"
#include "../../hal/watchdog.h"
#include "../../hal/worlds.h"
#include "../../home/programs.h"
#include "../../seam/inside.h"

// The other world serves the links by interrupts.
void program_running(void) { watchdog_feed(); }

static void thread(void) {
  inside_start();
  worlds_start_outside();
}

void core_thread_again(void) { inside_start(); }

int main(void) {
  inside_prepare();
  core_start_thread(thread);
}
