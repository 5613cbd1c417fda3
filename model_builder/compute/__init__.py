"""Where selection and search compute: here, or on a Dask cluster that exists.

Work is cut into folds. What a fold gives follows from what it is given and from nothing else, so that neither the place
nor the order changes a byte of what a build writes.
"""
