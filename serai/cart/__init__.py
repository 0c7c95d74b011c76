"""The cart service: carts of guests and customers. Names, prices and stock are queried from product every time."""
