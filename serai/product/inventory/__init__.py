"""Stock: levels of variants, the ledger of their changes, and holds."""
