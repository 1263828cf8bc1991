"""Any module to its layers: which there are, what they put out, and no trace left on the model."""
