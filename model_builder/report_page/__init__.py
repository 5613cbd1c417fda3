"""The report of a build as one page for people.

The way of a page: ``opening`` reads an artifact or the record of a build into a ``Document``; ``verdict`` says in two
lines what came of it; ``plots`` and ``figures`` draw; ``page`` puts it all into the template. Nothing here trains or
asks a model: all that a page shows stands in the report. The same document gives the same bytes.

Needs the extra ``report`` (jinja2, matplotlib), which is loaded only where a page is rendered.
"""
