"""What runs and how it is doing, for those who look after the shop."""
