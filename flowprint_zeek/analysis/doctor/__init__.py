"""Whether a sensor, its logs and this host are as the daemon needs them; nothing is changed."""
