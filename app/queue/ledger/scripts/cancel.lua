-- Cancel a job that is not finished. It does not run any more; if it is running, its result will be refused.
-- ARGV: id, seconds to keep it, seconds to remember it, the failure to store (JSON)
-- Returns {its status before, the description of the job if this call ended it}; in place of the status 'COMMITTING' when
-- its effect is already being made visible, '' when there is no such job.
-- A job that is REVOKED already stays as it is: the answer to a first call may have been lost.
local id, key = ARGV[1], job_key(ARGV[1])
local state = redis.call('HMGET', key, 'status', 'verb', 'node', 'committing', 'webhook', 'seq', 'log')
local status, verb = state[1], state[2]
if not status then return {''} end
local final = status == 'SUCCESS' or status == 'FAILURE' or status == 'REVOKED'
if state[4] and not final then return {'COMMITTING'} end
if status == 'PENDING' or status == 'RETRY' then
  leave_lane(id, verb)
  if status == 'RETRY' then collect('SREM', retry_key(verb), id) end
elseif status == 'STARTED' then
  collect('ZREM', LEASES, id)  -- the node keeps its entry: its lease keeper finds there that the process must end
  redis.call('HINCRBY', key, 'fence', 1)
else
  return {status}
end
local job = {verb = verb, webhook = state[5], seq = state[6], log = state[7]}
finish(id, job, 'REVOKED', ARGV[2], ARGV[3], {'failure', ARGV[4]})
flush()
return {status, ended(id, status == 'STARTED')}
