"""What every job needs around it: its log, whole files, errors, optional libraries, an end with its run."""
