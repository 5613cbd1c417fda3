"""Why a model says what it says: which columns count, in which direction, and what led it astray.

``shapley`` takes the score of a tree ensemble apart exactly; ``shuffling`` asks any model what it loses without a
column; ``sentences`` puts it into words; ``stage`` is the step of a build.
"""
