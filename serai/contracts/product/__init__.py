"""Wire types of the product service and its client, one module for each noun."""
