"""The sprint's state and the pure function that moves it."""
