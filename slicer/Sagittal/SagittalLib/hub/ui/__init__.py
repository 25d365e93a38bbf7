"""The panels of the Hub module: they show what the logic says, and tell it what a person does."""
