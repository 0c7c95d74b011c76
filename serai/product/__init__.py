"""The catalogue, and the stock that everybody else only borrows."""
