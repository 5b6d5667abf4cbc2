"""Programs of many threads: simulated one by one, in Triton for a GPU, and in C++ for a CPU."""
