"""Files in and out: whole or not at all, limited before anything is allocated, and read back to the same bits."""
