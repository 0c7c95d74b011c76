"""Payments at Stripe: one for each order id, with any number of attempts. A refund is stored before it is sent."""
