"""What every job needs around it: log, progress, whole files, errors, optional libraries, an end with its workflow."""
