-- Return the webhooks that are due, oldest first; remove those of jobs that are gone.
-- ARGV: how many at most
-- Returns {id, URL} of each.
local due = {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', OUTBOX, '-inf', now, 'LIMIT', 0, ARGV[1])) do
  if redis.call('EXISTS', job_key(id)) == 0 then
    redis.call('ZREM', OUTBOX, id)
  else
    due[#due + 1] = {id, redis.call('HGET', job_key(id), 'webhook') or ''}
  end
end
return due
