-- Fail a job in place of its process, which may not do so or cannot.
-- ARGV: id, fence, seconds to keep it, seconds to remember it, the failure (JSON),
--   1 if it fails also while its effect is being made visible
-- Returns {its description}, or {} when this claim may not fail it.
local id = ARGV[1]
local state = redis.call('HMGET', job_key(id), 'status', 'fence', 'node', 'committing', 'verb', 'webhook', 'seq', 'log')
if state[1] ~= 'STARTED' or state[2] ~= ARGV[2] or state[4] and ARGV[6] ~= '1' then return {} end
collect('ZREM', LEASES, id)
leave_table(state[3], id, ARGV[2])
local job = {verb = state[5], webhook = state[6], seq = state[7], log = state[8]}
finish(id, job, 'FAILURE', ARGV[3], ARGV[4], {'failure', ARGV[5]})
flush()
return {ended(id, true)}
