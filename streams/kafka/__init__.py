"""What knows aiokafka: how Kafka is reached, and how what it holds is read, batch by batch."""
