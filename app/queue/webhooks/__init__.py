"""Webhooks (Standard Webhooks, standardwebhooks.com): checked URLs, signed messages, deliveries, retries."""
