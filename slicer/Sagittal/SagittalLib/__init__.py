"""What the modules of the Sagittal extension share. Nothing here needs Qt widgets."""
