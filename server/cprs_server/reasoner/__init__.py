"""A route to a model that thinks, trained as QwenLong-L1 was: asked as in training, its thinking
handed over as each API hands it over."""
