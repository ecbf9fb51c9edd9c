-- Allow a claim to make its effect visible. From here on the job can't be cancelled; if its worker is lost, it runs again.
-- ARGV: id, fence
-- Returns 1, or 0 when the claim is no longer valid.
local state = redis.call('HMGET', job_key(ARGV[1]), 'status', 'fence')
if state[1] ~= 'STARTED' or state[2] ~= ARGV[2] then return 0 end
redis.call('HSET', job_key(ARGV[1]), 'committing', 1)
return 1
