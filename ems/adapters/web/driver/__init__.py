"""What drivers see: the page behind the code on a charger, without a login; and what operators print and hear of it."""
