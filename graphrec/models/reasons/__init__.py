"""Why a model gives an item its score: what each purchase, or each feature, adds to it."""
