"""Events in, keys out: Kopf watches, our own queue, resync and watchdog see to it that nothing is missed."""
