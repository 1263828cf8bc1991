"""The estimators that train a network of their own."""
