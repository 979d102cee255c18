// SPDX-License-Identifier: GPL-2.0-only
/* The model for libFuzzer: the input is a text of steps. */
#include <stdint.h>

#include "model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	model_replay((const char *)data, size);
	return 0;
}
