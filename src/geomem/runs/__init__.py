"""The run directory: configuration, history, measurements, checkpoint, exhibits, figures and verdicts of one run."""
