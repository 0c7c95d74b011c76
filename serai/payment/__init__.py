"""Payments at Stripe: one per order id, as many attempts as it takes, every refund journaled before it is asked for."""
