"""The effect Sagittal of the Segment Editor."""
