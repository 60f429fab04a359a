// Programs: the part of the platform interface that runs them, by wasm3.
#ifndef ISOLATE_PROGRAMS_H
#define ISOLATE_PROGRAMS_H

#include <stdbool.h>

// Defined by the image:

/// Called while a program runs, some hundred times a second: lets the firmware answer what cannot wait.
void program_running(void);

/// Called before a program's `main` is entered, and after it has left.
void program_begins(void);
void program_ended(void);
/// Called when all that a program took of the heap has been given back.
void program_freed(void);

#endif
