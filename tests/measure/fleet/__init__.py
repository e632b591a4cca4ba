"""What the messages of a fleet of devices cost the backend."""
