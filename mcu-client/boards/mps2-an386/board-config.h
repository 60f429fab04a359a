// MPS2 FPGA image AN386 (Cortex-M4 with FPU): the AN385 around another core.
#define BOARD_NAME "mps2-an386"
#include "../mps2-an385/board-config.h"
