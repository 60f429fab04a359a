// Who the device is, and what it has started: TCG DICE in the first stage.
#ifndef BOOT_DICE_H
#define BOOT_DICE_H

#include <stdbool.h>

#include "../../common/boot-record.h"
#include "../../hal/secret.h"

/// Derives from the device secret the device identity key, which depends on this first stage alone, and the alias key,
/// which depends on all that the record says of what was measured; has the one certify the other; and writes alias key,
/// certificate and the identity key's public half to the record. Nothing else of either key is left in RAM but on the
/// stack. False: there was no entropy for the signature, or a key that is none.
bool dice_certify(const uint8_t secret[SECRET_BYTES], struct boot_record *record);

#endif
