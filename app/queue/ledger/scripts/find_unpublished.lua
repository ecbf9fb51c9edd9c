-- Choose the waiting jobs of a lane whose message must be gone, and note that they are published now. An id without a job
-- leaves the lane.
-- A lane is first in, first out: the message is gone if a later job was claimed already, or if the lane is empty.
-- ARGV: verb, seconds of grace, 1 when the broker holds no message for the lane, how many at most
-- Returns {{id, model} of jobs that may share messages, the same of those that are unbatched}.
local verb = ARGV[1]
local before = now - tonumber(ARGV[2])
if ARGV[3] ~= '1' then
  local newest = tonumber(redis.call('HGET', pace_key(verb), 'newest') or 0)
  before = math.min(before, math.min(newest, now) - tonumber(ARGV[2]))
end
local batched, unbatched = {}, {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', published_key(verb), '-inf', before, 'LIMIT', 0, ARGV[4])) do
  local state = redis.call('HMGET', job_key(id), 'attempts', UNBATCHED, 'model')
  if state[1] then
    collect('ZADD', published_key(verb), now, id)
    local list = state[1] == '0' and not state[2] and batched or unbatched
    list[#list + 1] = {id, state[3]}
  else
    leave_lane(id, verb)
    collect('SREM', retry_key(verb), id)
  end
end
flush()
return {batched, unbatched}
