-- Fail a job whose time is over, unless its effect is being made visible.
-- ARGV: id, fence, seconds to keep it, seconds to remember it, the failure (JSON)
-- Returns 1, or 0 when this claim may not fail it.
local id = ARGV[1]
local state = redis.call('HMGET', job_key(id), 'status', 'fence', 'node', 'committing', 'verb', 'webhook', 'seq', 'log')
if state[1] ~= 'STARTED' or state[2] ~= ARGV[2] or state[4] then return 0 end
collect('ZREM', LEASES, id)
leave_table(state[3], id, ARGV[2])
local job = {verb = state[5], webhook = state[6], seq = state[7], log = state[8]}
finish(id, job, 'FAILURE', ARGV[3], ARGV[4], {'failure', ARGV[5]})
flush()
return 1
