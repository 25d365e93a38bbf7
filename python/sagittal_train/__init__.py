"""Training of promptable 3D networks in the nnInteractive checkpoint layout."""
