"""What a request's compression should be, decided without touching it."""
