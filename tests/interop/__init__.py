"""Whether every implementation unseals what every other sealed."""
