"""What the actors need of the world, in the domain's words. Protocols and their values only."""
