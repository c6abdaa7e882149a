"""The actors of the service: a mailbox, one pure call and the ports. No decision is taken here."""
