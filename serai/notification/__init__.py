"""The notification service: sends emails about events in the shop and keeps the delivery log."""
