-- Choose the waiting jobs of a lane whose message must be gone, and count them as rung now.
-- A lane is first in, first out: a job is still waiting though a later one was claimed, or though the lane is empty.
-- ARGV: verb, seconds of grace, 1 when the broker holds no message for the lane, how many at most
-- Returns {{id, model} of those to ring together, the same of those to ring alone}.
local verb = ARGV[1]
local before = now - tonumber(ARGV[2])
if ARGV[3] ~= '1' then
  local newest = tonumber(redis.call('HGET', 'trinity:pace:' .. verb, 'newest') or 0)
  before = math.min(before, math.min(newest, now) - tonumber(ARGV[2]))
end
local together, alone = {}, {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', rung_key(verb), '-inf', before, 'LIMIT', 0, ARGV[4])) do
  redis.call('ZADD', rung_key(verb), now, id)
  local state = redis.call('HMGET', job_key(id), 'attempts', 'alone', 'model')
  local list = state[1] == '0' and not state[2] and together or alone
  list[#list + 1] = {id, state[3]}
end
return {together, alone}
