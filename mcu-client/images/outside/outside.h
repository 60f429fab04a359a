// The outside of the isolate.
#ifndef OUTSIDE_OUTSIDE_H
#define OUTSIDE_OUTSIDE_H

/// Serves the links, and answers health requests: never more than once at a time.
void outside_serve(void);

/// Starts the links. The clock runs.
void outside_prepare(void);

/// Takes messages in and sends answers, for ever. The inside has started.
_Noreturn void outside_run(void);

#endif
