// libFuzzer's loop for programs with a main of their own. Source: LLVM's FuzzerInterface.h.
#pragma once
#include <stddef.h>
#include <stdint.h>
int LLVMFuzzerRunDriver(int *count, char ***words, int (*callback)(const uint8_t *bytes, size_t count));
