"""The pure core: values and functions of a sprint. No I/O, no clock, no await, no randomness."""
