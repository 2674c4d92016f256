"""From raw columns to features: selection, transformers of scikit-learn, principal components."""
