"""Training: clips of the dataset, batches of clips that share frames, the loss, the loop, and its checkpoints."""
