"""What the product service answers and is asked, a module for each noun; import from the module that owns the name."""
