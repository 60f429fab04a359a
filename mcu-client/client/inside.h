// The inside of a client's seam (seam/device.h has the contracts). Pointers are those of memory that the caller may use:
// seam/device-gateway.c has seen to that.
#ifndef CLIENT_INSIDE_H
#define CLIENT_INSIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "../seam/device.h"

/// enum device_next
uint32_t inside_step(void);
/// The code to end with: the device's own once it is done, else `code`.
int inside_code(int code);

// The connection, of which the other world has the other end (channel.c).
void channel_describe(struct device_wish *out);
void channel_link(uint32_t number, uint32_t link, bool has_network);
uint32_t channel_take(uint32_t number, void *out, uint32_t capacity);
uint32_t channel_give(uint32_t number, const void *bytes, uint32_t length);

#endif
