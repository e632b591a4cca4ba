/* Stands for what the component needs of ESP-IDF. */
#pragma once
#include <stdbool.h>

/* Is the noise of the ADC on? */
extern bool noise;
/* How many words were read with and without it. */
extern unsigned words_with_noise, words_without_noise;
/* Does another task have its turn for ever? */
extern bool another_task;
/* How many ticks were waited for a turn. */
extern unsigned ticks_waited;
