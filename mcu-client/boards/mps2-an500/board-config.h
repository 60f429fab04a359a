// MPS2 FPGA image AN500 (Cortex-M7): the AN385 around another core, with its Ethernet elsewhere.
#define BOARD_NAME "mps2-an500"
// More RAM, for images that run nothing else.
#define BOARD_FURTHER_RAM 0x60000000u
#define BOARD_ETHERNET 0xA0000000u
#include "../mps2-an385/board-config.h"
