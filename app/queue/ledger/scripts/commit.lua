-- Let a claim's effect become visible: from here on the job can't be cancelled, and if its worker is lost it runs again.
-- ARGV: id, fence
-- Returns 1, or 0 when the claim counts no more.
local state = redis.call('HMGET', job_key(ARGV[1]), 'status', 'fence')
if state[1] ~= 'STARTED' or state[2] ~= ARGV[2] then return 0 end
redis.call('HSET', job_key(ARGV[1]), 'committing', 1)
return 1
