"""Who may ask, how much and in what shape."""
