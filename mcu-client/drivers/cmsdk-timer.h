// 32-bit down-counting timer of the Arm Cortex-M System Design Kit (DDI 0479, APB timer).
#ifndef DRIVERS_CMSDK_TIMER_H
#define DRIVERS_CMSDK_TIMER_H

#include <stdint.h>

struct cmsdk_timer {
  volatile uint32_t control, value, reload, interrupt;
};

#endif
