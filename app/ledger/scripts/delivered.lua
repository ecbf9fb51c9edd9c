-- Say how the delivery of a job's webhook went.
-- ARGV: id, seconds until the next try ('' for none, the last one), seconds to keep the job then
-- Returns how often it was tried.
local key = job_key(ARGV[1])
local tries = redis.call('HINCRBY', key, 'webhook_tries', 1)
if ARGV[2] == '' then
  redis.call('ZREM', OUTBOX, ARGV[1])
  redis.call('HDEL', key, 'webhook')
  redis.call('EXPIRE', key, ARGV[3])
else
  redis.call('ZADD', OUTBOX, now + tonumber(ARGV[2]), ARGV[1])
end
return tries
