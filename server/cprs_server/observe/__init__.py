"""What the proxy tells of its work: metrics, log and traces, never a text or a credential."""
