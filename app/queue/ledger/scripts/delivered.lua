-- Say how the delivery of a job's webhook went. It counts for the end that was told, and not for a later one.
-- ARGV: id, when the job ended, seconds until the next try ('' for none, the last one), seconds to keep the job then
-- Returns how often it was tried, 0 when the job was queued again since, or its webhook is done with.
local key = job_key(ARGV[1])
if redis.call('HGET', key, 'finished') ~= ARGV[2] or not redis.call('ZSCORE', OUTBOX, ARGV[1]) then return 0 end
local tries = redis.call('HINCRBY', key, 'webhook_tries', 1)
if ARGV[3] == '' then
  redis.call('ZREM', OUTBOX, ARGV[1])
  redis.call('EXPIRE', key, ARGV[4])
else
  redis.call('ZADD', OUTBOX, now + tonumber(ARGV[3]), ARGV[1])
end
return tries
