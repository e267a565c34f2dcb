"""Sending a published folder to the Hugging Face Hub, to Zenodo, or to another folder."""
