"""What people make of the events: pushed to Label Studio, pulled into files for git, applied to the dataset."""
