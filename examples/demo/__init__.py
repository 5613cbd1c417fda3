"""The demo: from a bare machine to a served model that answers, told as it happens.

`make demo`, or `python -m lab demo`. It goes the way that users go: the chart by Helm, a manifest by kubectl,
predictions by the command `andon` through the model's Service.
"""
