// Stands in for the CUDA toolkit's header where the .cu sources are compiled for the CPU.
#pragma once

#include "tests/emulation/kernel_math.h"
#include "tests/emulation/kernel_threads.h"
#include "tests/emulation/qualifiers.h"
#include "tests/emulation/runtime_api.h"
#include "tests/emulation/tensor_core.h"
