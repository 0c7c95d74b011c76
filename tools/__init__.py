"""Programs for whoever works on Serai. The product imports nothing of them."""
