"""Small widgets that the modules share; built in code."""
