"""The report: figures and one self-contained HTML page, made from a run directory and from nothing else."""
