#pragma once
#include <stdint.h>
#define pdTRUE 1
#define pdFALSE 0
#define pdMS_TO_TICKS(ms) ((ms) / 10)
typedef int BaseType_t;
typedef uint32_t TickType_t;
typedef struct {
    int taken;
} StaticSemaphore_t;
typedef StaticSemaphore_t *SemaphoreHandle_t;
