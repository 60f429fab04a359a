// What the operator provisions of the device's owner: a page that nothing running writes.
#ifndef UPDATE_OWNER_H
#define UPDATE_OWNER_H

#include "manifest.h"

/// Reads it (host/update/owner.ts writes it). False: there is none, and the device takes no updates.
bool owner_read(struct owner *owner);

#endif
