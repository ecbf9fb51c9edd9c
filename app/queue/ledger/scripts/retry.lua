-- Queue a job again that failed or was cancelled, as if it had never run. A job that was queued in this way and is not
-- finished since stays as it is: the answer to a first call may have been lost.
-- ARGV: id, how many may wait
-- Returns {status before ('' when there is no such job), verb}, without the verb for a job that does not run again;
-- {'FULL'} when the lanes have no space.
local id, key = ARGV[1], job_key(ARGV[1])
local state = redis.call('HMGET', key, 'status', 'verb', 'retried', 'seq', 'log')
local status, verb = state[1], state[2]
if not status then return {''} end
if status ~= 'FAILURE' and status ~= 'REVOKED' then
  if state[3] and status ~= 'SUCCESS' then return {status, verb} end
  return {status}
end
local waiting = 0
for _, each in ipairs(VERBS) do waiting = waiting + redis.call('ZCARD', lane_key(each)) end
if waiting >= tonumber(ARGV[2]) then return {'FULL'} end
local seq, log = append_event(id, 'PENDING', state[4], state[5])
-- the first write: a full ledger refuses a script only before it has written anything
redis.call('HSET', key, 'status', 'PENDING', 'attempts', 0, UNBATCHED, 1, 'retried', 1, 'seq', seq, 'log', log)
redis.call('HDEL', key, 'failure', 'started', 'finished', 'result', 'result_ref', 'committing', 'node', 'webhook_tries', 'stops')
redis.call('PERSIST', key)
redis.call('DEL', gone_key(id))
redis.call('ZREM', OUTBOX, id)
queue(id, verb, now, now)
flush()
return {status, verb}
