// Three ways to multiply matrices on one core: C (m, n) = A (m, k) B (k, n), row by row in memory.
// They do the same 2mkn FLOPs; what differs is the order, and so which numbers are at hand.

#include <algorithm>
#include <cstddef>

using std::size_t;

// As the formula is written: for each result a walk down a column of B, a cell a row apart.
extern "C" void by_formula(const float *A, const float *B, float *C, size_t m, size_t k, size_t n) {
  for (size_t i = 0; i < m; ++i)
    for (size_t j = 0; j < n; ++j) {
      float total = 0;
      for (size_t p = 0; p < k; ++p) total += A[i * k + p] * B[p * n + j];
      C[i * n + j] = total;
    }
}

// The two inner loops exchanged: B and C are read along their rows, many lanes at a time.
extern "C" void by_rows(const float *A, const float *B, float *C, size_t m, size_t k, size_t n) {
  std::fill(C, C + m * n, 0.0f);
  for (size_t i = 0; i < m; ++i)
    for (size_t p = 0; p < k; ++p) {
      const float a = A[i * k + p];
      for (size_t j = 0; j < n; ++j) C[i * n + j] += a * B[p * n + j];
    }
}

// The same in tiles: a piece of B that fits into the cache is used for all rows before the next.
extern "C" void by_tiles(const float *A, const float *B, float *C, size_t m, size_t k, size_t n) {
  const size_t tall = 64, wide = 256;
  std::fill(C, C + m * n, 0.0f);
  for (size_t p0 = 0; p0 < k; p0 += tall)
    for (size_t j0 = 0; j0 < n; j0 += wide)
      for (size_t i = 0; i < m; ++i)
        for (size_t p = p0; p < std::min(p0 + tall, k); ++p) {
          const float a = A[i * k + p];
          for (size_t j = j0; j < std::min(j0 + wide, n); ++j) C[i * n + j] += a * B[p * n + j];
        }
}
