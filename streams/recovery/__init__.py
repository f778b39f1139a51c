"""What Redis lost, counted again from Kafka."""
