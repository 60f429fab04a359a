// What a board gives the firmware. Everything above this line of the tree (links, platform
// interface, benches) uses these functions only; everything particular to a board is in
// boards/BOARD/ and the drivers it names.
#ifndef HAL_BOARD_H
#define HAL_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// The board's name as in `--board`, e.g. "mps2-an385".
extern const char board_name[];

/// Whether this board's secrets and entropy are for development only (every emulated board).
extern const bool board_is_development;

/// Clocks, pins and the console. Called once by the start-up code, before `main`.
void board_init(void);

/// Starts the millisecond clock (SysTick at 1 kHz). Benches leave it off.
void clock_start(void);

/// Milliseconds since `clock_start`. Wraps after 49 days: compare differences only.
uint32_t clock_ms(void);

/// Writes bytes to the console; blocks until the UART has taken them. Safe in a fault handler.
void console_write(const void *bytes, size_t length);

/// Takes one byte from the console UART: 0 to 255, or -1 when there is none.
int console_read(void);

/// Fills `length` bytes from the board's true random number generator. False when it gave nothing:
/// the bytes must then not be used. A board without a source cannot be linked.
bool entropy_read(void *out, size_t length);

/// Ends the firmware: the emulator exits with `code`; a real board resets when `code` is not 0,
/// else sleeps for ever.
_Noreturn void board_exit(int code);

/// Restarts the firmware from its first stage, as the reset button does.
_Noreturn void board_reset(void);

#endif
