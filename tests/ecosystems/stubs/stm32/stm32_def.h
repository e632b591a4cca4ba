/* Stands for the HAL of an STM32: registers that a test watches. */
#pragma once
#include <stdint.h>

typedef struct {
    uint32_t CR, SR, DR;
} RNG_TypeDef;

#define RNG_CR_RNGEN (1u << 2)
#define RNG_SR_DRDY (1u << 0)
#define RNG_SR_CECS (1u << 1)
#define RNG_SR_SECS (1u << 2)
#define RNG_SR_CEIS (1u << 5)
#define RNG_SR_SEIS (1u << 6)

/* Called for each access. */
RNG_TypeDef *rng_registers(void);
#define RNG (rng_registers())

extern int rng_clock;
#define __HAL_RCC_RNG_CLK_ENABLE() (void)(rng_clock = 1)
