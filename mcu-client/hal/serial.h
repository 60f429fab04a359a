// The serial line of a link: not the console's.
#ifndef HAL_SERIAL_H
#define HAL_SERIAL_H

#include <stdint.h>

/// Starts the line. Received bytes are kept by an interrupt until they are read.
void serial_init(void);

/// Takes one received byte: 0 to 255, or -1 when there is none.
int serial_read(void);

/// Sends one byte; waits while the transmitter is full.
void serial_write(uint8_t byte);

#endif
