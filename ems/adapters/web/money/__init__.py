"""Money that was taken or is owed: payments and refunds, prepaid accounts, groups that pay by the month."""
