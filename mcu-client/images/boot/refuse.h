#ifndef BOOT_REFUSE_H
#define BOOT_REFUSE_H

/// Starts nothing, and says why.
_Noreturn void refuse(const char *why);

#endif
