"""Who we are to Kafka and to Redis, how that is kept secret, who may do what, and what it means to be refused."""
