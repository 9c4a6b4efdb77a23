"""What a recording says: pages, keyframes, signals, inactivity, masking, matching."""
