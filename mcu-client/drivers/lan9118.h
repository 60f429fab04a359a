// Interrupt handler of the LAN9118, for the board's vector table. The rest is hal/ethernet.h.
#ifndef DRIVERS_LAN9118_H
#define DRIVERS_LAN9118_H

void lan9118_handler(void);

#endif
