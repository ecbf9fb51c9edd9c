"""What Trinity answers over HTTP: one suite, run against sync mode and against async mode on Redis and on RabbitMQ."""
