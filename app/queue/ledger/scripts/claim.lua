-- Claim jobs that wait, under a lease; a job that was lost before, or runs alone, is only claimed by a message
-- of its own.
-- ARGV: node, child, seconds of the lease, then ids
-- Returns for each claimed job {id, fence, work, reference to work, attempts, id of its request, its trace}.
local node, child, lease_s = ARGV[1], ARGV[2], tonumber(ARGV[3])
local alone = #ARGV == 4
local claimed = {}
for at = 4, #ARGV do
  local id = ARGV[at]
  local key = job_key(id)
  local state = redis.call('HMGET', key, 'status', 'attempts', 'verb', 'work', 'work_ref', 'fence', 'alone',
    'request_id', 'trace')
  local waits = state[1] == 'PENDING' or state[1] == 'RETRY'
  if waits and (alone or state[2] == '0' and not state[7]) then
    local rung = tonumber(redis.call('ZSCORE', rung_key(state[3]), id) or 0)
    local newest = tonumber(redis.call('HGET', 'trinity:pace:' .. state[3], 'newest') or 0)
    if rung > math.min(newest, now) then redis.call('HSET', 'trinity:pace:' .. state[3], 'newest', rung) end
    leave_lane(id, state[3])
    if state[1] == 'RETRY' then redis.call('SREM', again_key(state[3]), id) end
    count('attempts:' .. state[3], 1)
    local fence = redis.call('HINCRBY', key, 'fence', 1)
    local attempts = redis.call('HINCRBY', key, 'attempts', 1)
    redis.call('HSET', key, 'status', 'STARTED', 'started', now_text, 'node', node)
    redis.call('ZADD', LEASES, now + lease_s, id)
    note(id, 'STARTED', ',"attempts":' .. attempts)
    claimed[#claimed + 1] = {id, fence, state[4] or '', state[5] or '', attempts, state[8] or '', state[9] or ''}
  elseif state[1] == 'STARTED' then
    local held = redis.call('HGET', node_key(node), id)
    if held and string.find(held, state[6] .. ' ' .. child .. ' ', 1, true) == 1 then  -- a first answer was lost
      claimed[#claimed + 1] = {id, tonumber(state[6]), state[4] or '', state[5] or '', tonumber(state[2]), state[8] or '',
        state[9] or ''}
    end
  end
end
-- A process does one thing at a time: what else it holds, it was given in an answer that was lost, or gave up.
local asked = {}
for at = 4, #ARGV do asked[ARGV[at]] = true end
local held = redis.call('HGETALL', node_key(node))
for at = 1, #held, 2 do
  if not asked[held[at]] and string.find(held[at + 1], ' ' .. child .. ' ', 1, true) then
    redis.call('HDEL', node_key(node), held[at])
    if redis.call('ZSCORE', LEASES, held[at]) then redis.call('ZADD', LEASES, now, held[at]) end
  end
end
for _, claim in ipairs(claimed) do
  redis.call('HSET', node_key(node), claim[1], claim[2] .. ' ' .. child .. ' ' .. #claimed)
end
tell()
return claimed
