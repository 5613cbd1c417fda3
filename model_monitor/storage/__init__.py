"""What the monitor keeps: predictions for a while, labels with who sent them, and counts for ever."""
