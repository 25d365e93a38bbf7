#pragma once

/// Before a function of plain loops: compiled for AVX2 too, and chosen at load time. What it calls must be inlined to
/// profit. Sanitizers start too late for such a choice.
#if defined(__x86_64__) && defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define SAGITTAL_VECTORISED __attribute__((target_clones("default", "avx2")))
#else
#define SAGITTAL_VECTORISED
#endif
