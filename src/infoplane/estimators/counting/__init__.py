"""Activations to symbols, symbols to counts, counts to entropies: what the estimators that count are made of."""
