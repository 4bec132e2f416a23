"""Training elsewhere: what a bare host needs to train, in parts small enough to be sent, and what comes back."""
