// Where the images that the first stage starts come from.
#ifndef BOOT_LOAD_H
#define BOOT_LOAD_H

#include <stdbool.h>

/// Where the device has an owner, copies the images of one of its slots to where they run (update/boot.h). Where it has
/// none, they are there. False: no slot has images that the owner signed.
bool load_images(void);

#endif
