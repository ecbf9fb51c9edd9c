-- Fail a job whose time is over, unless its effect is just being made visible.
-- ARGV: id, fence, seconds to keep it, seconds to remember it, the failure (JSON)
-- Returns 1, or 0 when it is not for this claim to fail.
local key = job_key(ARGV[1])
local state = redis.call('HMGET', key, 'status', 'fence', 'node', 'committing')
if state[1] ~= 'STARTED' or state[2] ~= ARGV[2] or state[4] then return 0 end
release(ARGV[1], state[3])
finish(ARGV[1], 'FAILURE', ARGV[3], ARGV[4], {'failure', ARGV[5]})
tell()
return 1
