// What a board's Ethernet controller gives the network code: one frame at a time, in and out, by copy.
#ifndef HAL_ETHERNET_H
#define HAL_ETHERNET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Starts the controller. `address` receives the station's MAC address. False: no controller answers.
bool ethernet_init(uint8_t address[6]);

/// Takes frames to any group of stations from now on, and not only to all and to this one.
void ethernet_receive_multicasts(void);

/// Whether the cable has a link.
bool ethernet_link_up(void);

/// Length in bytes of the next frame received, without its check sequence; 0 when there is none.
/// Frames with errors are dropped here.
size_t ethernet_receive_begin(void);

/// Copies the next `length` bytes of that frame.
void ethernet_receive(void *out, size_t length);

/// Drops what is left of that frame.
void ethernet_receive_end(void);

/// Makes room for a frame of `length` bytes; false when there is none: the frame is then not sent.
bool ethernet_send_begin(size_t length);

/// Hands over the next `length` bytes of that frame.
void ethernet_send(const void *bytes, size_t length);

/// Sends it.
void ethernet_send_end(void);

/// Lets the controller interrupt (and so end a wait) when the next frame comes. The interrupt disarms
/// itself.
void ethernet_arm_interrupt(void);

#endif
