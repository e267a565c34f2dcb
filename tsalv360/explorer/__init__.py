"""The explorer: pages to look around in a dataset, and the server that shows them and asks the model."""
