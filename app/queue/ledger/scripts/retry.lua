-- Queue a job again that failed or was cancelled, as if it had never run. One that was queued so and isn't finished
-- since stays as it is: who asks again didn't get the first answer.
-- ARGV: id, how many may wait
-- Returns {status before ('' when there is none), verb}, without the verb for a job that doesn't run again; 'FULL' when
-- there is no room.
local key = job_key(ARGV[1])
local state = redis.call('HMGET', key, 'status', 'verb', 'retried')
if not state[1] then return {''} end
if state[1] ~= 'FAILURE' and state[1] ~= 'REVOKED' then
  if state[3] and state[1] ~= 'SUCCESS' then return {state[1], state[2]} end
  return {state[1]}
end
local waiting = 0
for _, verb in ipairs({'fit', 'predict', 'score'}) do waiting = waiting + redis.call('ZCARD', lane_key(verb)) end
if waiting >= tonumber(ARGV[2]) then return {'FULL'} end
redis.call('HSET', key, 'status', 'PENDING', 'attempts', 0, 'alone', 1, 'retried', 1)  -- first: a full ledger refuses what isn't begun
redis.call('HDEL', key, 'failure', 'started', 'finished', 'result', 'result_ref', 'committing', 'node', 'webhook_tries')
redis.call('PERSIST', key)
redis.call('DEL', 'trinity:gone:' .. ARGV[1])
redis.call('ZREM', OUTBOX, ARGV[1])
queue(ARGV[1], state[2], now, now)
note(ARGV[1], 'PENDING')
tell()
return {state[1], state[2]}
