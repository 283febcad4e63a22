"""What the proxy is told: its settings, and how they are read, checked and read again."""
