"""What every service gets, with no word of the shop in it."""
