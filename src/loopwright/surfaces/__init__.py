"""Where people meet the product."""
