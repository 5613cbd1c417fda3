"""Benchmarks: each compares its subjects in one run and prints one table."""
