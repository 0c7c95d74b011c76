"""What happens to a paid order's units: shipping and delivery."""
