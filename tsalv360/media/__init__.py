"""Video, sound and pictures: reading, writing and drawing them."""
