"""Pictures: uploads, the files made from them, their storage and their deletion."""
