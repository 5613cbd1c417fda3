"""A page for people: what the monitor knows of each model, read-only, with nothing that comes from elsewhere.

The way of a page: ``facts`` gathers what is known from the database, the drift tests and the latest live scores;
``words`` and ``charts`` make of it what people read; ``application`` puts it into the templates and serves it.
"""
