// The outside as an image of its own, which the inside has started.
#include "../../hal/board.h"
#include "outside.h"

int main(void) {
  clock_start();
  outside_prepare();
  outside_run();
}
