"""What people ask for afterwards: simulated networks and reports."""
