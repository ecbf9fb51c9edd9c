-- Store how a try of a job's webhook went. It counts only for the end that was delivered, not for a later one.
-- ARGV: id, when the job ended, seconds until the next try ('' for no next try), seconds to keep the job then
-- Returns how often it was tried, 0 when the job was queued again since, or its webhook needs no more tries.
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
