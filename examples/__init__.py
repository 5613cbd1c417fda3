"""What works as it is: manifests, a data generator, and the demo that uses both."""
