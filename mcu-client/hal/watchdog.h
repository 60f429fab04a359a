// The watchdog: resets a board whose firmware has stopped doing its work.
#ifndef HAL_WATCHDOG_H
#define HAL_WATCHDOG_H

/// Starts it: without `watchdog_feed` for some seconds the board resets.
void watchdog_start(void);
void watchdog_feed(void);

#endif
