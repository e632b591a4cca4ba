"""What jobs on sealed files cost on the engines, in calls of the KMS, bytes and time."""
