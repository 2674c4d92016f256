"""From finished runs to a comparison table, a page that explains itself and a W&B report."""
