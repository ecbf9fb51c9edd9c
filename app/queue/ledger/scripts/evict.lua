-- Expire the oldest successful jobs before their time, because the ledger is nearly full.
-- ARGV: how many jobs to read
-- Returns how many were expired.
local evicted = 0
for _, id in ipairs(redis.call('ZRANGE', JOBS, 0, tonumber(ARGV[1]) - 1)) do
  local state = redis.call('HMGET', job_key(id), 'status', 'webhook')
  if not state[1] or (state[1] == 'SUCCESS' and not state[2]) then
    redis.call('DEL', job_key(id))
    redis.call('ZREM', JOBS, id)
    evicted = evicted + 1
  end
end
return evicted
