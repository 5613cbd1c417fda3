"""Trains, exports and proves fault-prediction models; runs as a Job, on a laptop, in a notebook.

This package never imports ``andon``. Its modules ``spec`` and ``report`` import nothing but pydantic and the
standard library, because the operator imports them; everything heavy is imported by the module that needs it.
"""
