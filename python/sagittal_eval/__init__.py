"""The standard interactive protocol: simulated users on left-out scans, the program and baselines, one table and one plot."""
