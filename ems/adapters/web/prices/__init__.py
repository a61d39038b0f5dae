"""What drivers pay: price lists, running sessions, receipts."""
