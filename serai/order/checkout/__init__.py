"""From a cart to an order that is paid, rejected or cancelled: placing, cancelling, the saga, what payment tells."""
