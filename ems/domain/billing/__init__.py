"""What drivers pay: price lists, tabs, receipts, payments, prepaid accounts, refunds, statements."""
