-- Cancel a job that isn't finished: it runs no more, and what still runs of it comes too late.
-- ARGV: id, seconds to keep it, seconds to remember it, the failure that tells of it (JSON)
-- Returns its status before, 'COMMITTING' when its effect is already being made visible, '' when there is none.
-- A job that is REVOKED already stays as it is: who asks again didn't get the first answer.
local key = job_key(ARGV[1])
local state = redis.call('HMGET', key, 'status', 'verb', 'node', 'committing')
if not state[1] then return '' end
local final = state[1] == 'SUCCESS' or state[1] == 'FAILURE' or state[1] == 'REVOKED'
if state[4] and not final then return 'COMMITTING' end
if state[1] == 'PENDING' or state[1] == 'RETRY' then
  leave_lane(ARGV[1], state[2])
  if state[1] == 'RETRY' then redis.call('SREM', again_key(state[2]), ARGV[1]) end
elseif state[1] == 'STARTED' then
  redis.call('ZREM', LEASES, ARGV[1])  -- the node keeps its entry, by which its keeper sees that the child must end
  redis.call('HINCRBY', key, 'fence', 1)
else
  return state[1]
end
finish(ARGV[1], 'REVOKED', ARGV[2], ARGV[3], {'failure', ARGV[4]})
tell()
return state[1]
