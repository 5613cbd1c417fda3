"""Input and output: each module answers one port with a well-kept library. Nothing here decides."""
